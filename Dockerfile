# Stage one builds the wheel and a virtual environment of pinned, hashed packages;
# stage two carries that environment and nothing that built it.

FROM python:3.13-slim AS build

WORKDIR /build
COPY requirements/base.txt requirements/build.txt requirements/
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python -m venv /opt/edgeseg \
    && /opt/edgeseg/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt

COPY pyproject.toml README.md LICENSE ./
COPY rules rules
COPY templates templates
COPY src src
RUN /opt/tools/bin/hatchling build --target wheel --directory dist \
    && /opt/edgeseg/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim

# 10001 is no one on the host; files in the volume belong to it.
RUN groupadd --gid 10001 edgeseg \
    && useradd --uid 10001 --gid edgeseg --home-dir /var/lib/edgeseg --create-home \
        --shell /usr/sbin/nologin edgeseg
COPY --from=build /opt/edgeseg /opt/edgeseg

ENV PATH=/opt/edgeseg/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    EDGESEG_HOST=0.0.0.0 \
    EDGESEG_PORT=8080 \
    EDGESEG_DATA_DIR=/var/lib/edgeseg \
    EDGESEG_RULES=/etc/edgeseg/rules \
    EDGESEG_TEMPLATES=/etc/edgeseg/templates

# Samples to start from; mount your own over them.
COPY rules /etc/edgeseg/rules
COPY templates /etc/edgeseg/templates

USER 10001:10001
WORKDIR /var/lib/edgeseg
VOLUME ["/var/lib/edgeseg"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# Each takes about half a second of a core, and several where there is no core to spare.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["edgeseg", "healthcheck"]
ENTRYPOINT ["edgeseg"]
CMD ["serve"]
