# The server as an image: built with the stable toolchain, 1.95 or later, run by a user without rights on a root that can be read-only.
#
#   docker build --tag workstead:0.1.0 .
#
# Not static and not distroless: clone and push are served by the `git` program, which is dozens of programs that start
# each other and a shell. So the image is Debian's smallest with git, and nothing in it needs to be written to but
# /data (the volume) and /tmp.

FROM rust:1.95.0-trixie AS build
WORKDIR /source
COPY . .
# The image is the toolchain; the file would have rustup fetch another one.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    rm rust-toolchain.toml \
    && cargo build --release --locked --bin workstead \
    && install -m 0755 target/release/workstead /workstead

FROM debian:trixie-20260918-slim
# git is the transport for clone and push; curl asks /readyz. Their versions are those of Debian 13 on the day of the
# build: Debian takes old ones away when it mends them, so pinned ones would soon not build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get upgrade --yes --no-install-recommends \
    && apt-get install --yes --no-install-recommends ca-certificates curl git \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 workstead \
    && useradd --uid 65532 --gid 65532 --home-dir /data --no-create-home --no-log-init --shell /usr/sbin/nologin workstead \
    && install -d -o 65532 -g 65532 -m 0700 /data
COPY --from=build /workstead /usr/local/bin/workstead

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Workstead" \
      org.opencontainers.image.description="Workspace configuration in Git, behind an HTTP API" \
      org.opencontainers.image.source="https://github.com/workstead/workstead" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number: Kubernetes can't know that a name is not root.
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8700
ENV WORKSTEAD_DATA_DIR=/data WORKSTEAD_LISTEN=0.0.0.0:8700
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--show-error", "--max-time", "2", "--output", "/dev/null", "http://127.0.0.1:8700/readyz"]
ENTRYPOINT ["workstead"]
CMD ["serve"]
