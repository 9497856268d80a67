# hpsearch in a container, for CPUs and for NVIDIA GPUs (docker run with --gpus all):
#   docker build -t hpsearch .
#   docker run --rm -it --shm-size 1g --user "$(id -u):$(id -g)" -v "$PWD:/search" hpsearch init quickstart
# The builds of torch on PyPI include CUDA. Those for CPUs alone, which are smaller,
# or for another CUDA come from an index of PyTorch's own, which its site names:
#   docker build -t hpsearch:cpu --build-arg PIP_EXTRA_INDEX_URL=INDEX .
FROM python:3.12-slim

# pip reads it.
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir 'torch>=2.9' 'torchvision>=0.24'

WORKDIR /build
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY studies studies
COPY examples examples
COPY hpsearch hpsearch
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[export]' && rm -rf /build/*

# The user who runs it may be unknown in the container, so its settings go next to the
# studies, which are mounted here.
ENV HOME=/search PYTHONUNBUFFERED=1
WORKDIR /search
USER 1000
ENTRYPOINT ["hpsearch"]
CMD ["--help"]
