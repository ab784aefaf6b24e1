# The server as an image: built with the pinned toolchain, run as a user without rights.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# The image is the toolchain; the file would have rustup fetch another one.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    rm rust-toolchain.toml && cargo build --release --locked --bin workstead && cp target/release/workstead /workstead

FROM debian:bookworm-slim
# git is the transport for clone and push; curl asks /readyz.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --no-create-home workstead \
    && install -d -o workstead -g workstead -m 0700 /data
COPY --from=build /workstead /usr/local/bin/workstead
USER workstead
VOLUME /data
EXPOSE 8700
ENV WORKSTEAD_DATA_DIR=/data WORKSTEAD_LISTEN=0.0.0.0:8700
STOPSIGNAL SIGTERM
ENTRYPOINT ["workstead"]
CMD ["serve"]
