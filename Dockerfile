# What compose.yaml runs: the package with its workers, as a user without rights.
FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY tieout ./tieout
RUN pip install --no-cache-dir ".[worker,postgres,web]" && useradd --create-home tieout
USER tieout
WORKDIR /workspace
ENV TIEOUT_WORKSPACE=/workspace
