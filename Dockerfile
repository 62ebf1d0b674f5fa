# The server in a container: docs/operations.md, docs/decisions/0013-container.md.
#     docker build -t picoshare .
#     docker build -t picoshare --target litestream .       with Litestream, for LITESTREAM_BUCKET
# Another architecture is compiled here, by a cross build: --platform linux/arm64.
ARG DEBIAN=debian:bookworm-slim
ARG LITESTREAM=litestream/litestream:0.5.18

# ---- compiling, on the architecture of this machine ------------------------------------------
FROM --platform=$BUILDPLATFORM ${DEBIAN} AS build
ARG TARGETARCH
RUN set -e; own=$(dpkg --print-architecture); arch=${TARGETARCH:-$own}; compiler=; \
    if [ "$arch" = arm64 ] && [ "$own" != arm64 ]; then \
        dpkg --add-architecture arm64; compiler="gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; \
    fi; \
    apt-get update; \
    apt-get install -y --no-install-recommends gcc libc6-dev cmake ninja-build pkg-config \
        zlib1g-dev ca-certificates $compiler \
        libmicrohttpd-dev:$arch libsqlite3-dev:$arch libssl-dev:$arch libjansson-dev:$arch \
        libcurl4-openssl-dev:$arch
WORKDIR /src
COPY . .
RUN set -e; own=$(dpkg --print-architecture); arch=${TARGETARCH:-$own}; \
    if [ "$arch" != "$own" ]; then toolchain="--toolchain cmake/$arch.cmake"; fi; \
    cmake --preset release -DBUILD_TESTING=OFF ${toolchain:-}; \
    cmake --build build/release --target picoshare; \
    install -D build/release/picoshare /out/usr/local/bin/picoshare; \
    install -D deploy/start.sh /out/usr/local/bin/picoshare-start; \
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt; \
    install -d -o 4001 -g 4001 -m 750 /out/data

# ---- what is kept ---------------------------------------------------------------------------
FROM ${DEBIAN} AS base
# libcurl4 is loaded by the commands that talk to a server: no link of the program shows it.
RUN apt-get update && \
    apt-get install -y --no-install-recommends libmicrohttpd12 libsqlite3-0 libssl3 libjansson4 \
        libcurl4 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old \
        /var/log/*
COPY --from=build /out /
# A number, so that an engine can see that it is not root.
USER 4001:4001
ENV PS_DB=/data/store.db
VOLUME /data
EXPOSE 4001
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["picoshare", "health"]
ENTRYPOINT ["picoshare-start"]

# ---- with Litestream ------------------------------------------------------------------------
FROM ${LITESTREAM} AS litestream-program
FROM base AS litestream
COPY --from=litestream-program /usr/local/bin/litestream /usr/local/bin/litestream
COPY deploy/litestream.yml /etc/litestream.yml

# ---- without: the image that is made when none is named --------------------------------------
FROM base AS picoshare
