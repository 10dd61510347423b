# jetimg with exactly the packages of the locks, and the clone in /opt/jetimg.
#
#     docker build --tag jetimg .
#     apptainer build jetimg.sif docker-daemon://jetimg:latest
#     apptainer exec jetimg.sif snakemake --snakefile /opt/jetimg/Snakefile --configfile mine.yaml --cores 8
#
# `--build-arg MODELS=yes` adds what networks need. docs/installation.md says what was tried.
FROM python:3.11-slim-bookworm

ARG MODELS=no
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# The locks first: a change of our code installs nothing again.
WORKDIR /opt/jetimg
COPY requirements.lock requirements-models.lock requirements-torch.lock ./
RUN pip install --require-hashes -r requirements.lock \
    && if [ "$MODELS" = yes ]; then \
        pip install --require-hashes -r requirements-models.lock -r requirements-torch.lock; \
    fi

COPY . .
RUN pip install --no-deps --no-build-isolation --editable .

# Compiled functions are kept beside the code: once for all, as a container's own files cannot be written.
RUN jetimg --quiet convert tests/data/tt.root --sample tt --output /tmp/tt.h5 && rm /tmp/tt.h5

# A cluster's container has the user's own home and folders; nothing here needs root.
WORKDIR /work
USER 1000
CMD ["jetimg", "--help"]
