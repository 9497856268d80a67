# hpsearch in a container, for CPUs:
#   docker build -t hpsearch .
#   docker run --rm -it --shm-size 1g --user "$(id -u):$(id -g)" -v "$PWD:/search" hpsearch init quickstart
# and for NVIDIA GPUs (docker run with --gpus all):
#   docker build -t hpsearch:cuda --build-arg TORCH=cu130 .
FROM python:3.12-slim

# The builds of torch to install: cpu, or a version of CUDA as PyTorch's own index names them.
ARG TORCH=cpu
RUN pip install --no-cache-dir --index-url "https://download.pytorch.org/whl/${TORCH}" \
    'torch>=2.9' 'torchvision>=0.24'

WORKDIR /build
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY studies studies
COPY examples examples
COPY hpsearch hpsearch
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[export]' && rm -rf /build/*

# Whoever runs it may have no entry in the container's list of users: its settings go beside the
# studies, which are mounted here.
ENV HOME=/search PYTHONUNBUFFERED=1
WORKDIR /search
USER 1000
ENTRYPOINT ["hpsearch"]
CMD ["--help"]
