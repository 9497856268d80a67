"""Labels images of the model's size with an exported model; needs neither hpsearch nor torch.

python examples/label.py digits.onnx examples/seven.png
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

model, *files = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
card = json.loads(session.get_modelmeta().custom_metadata_map["hpsearch"])

images = np.stack([np.asarray(Image.open(file))[None] for file in files])  # (B, 1, H, W), uint8
probabilities = session.run(None, {card["input"]: images})[0]
for file, row in zip(files, probabilities, strict=True):
    print(file, card["classes"][row.argmax()], f"{row.max():.4f}")
