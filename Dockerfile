# The server in a small image, built from this folder and nothing else:
#   docker build -t faena .
#   docker run -p 7700:7700 -v faena:/var/lib/faena -e FAENA_ADMIN_KEY=… faena
# How several of them share a database: deploy/compose.yaml.

FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential ca-certificates curl pkg-config \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/root/.cargo/bin:$PATH
# The newest stable compiler, from the project's own installer.
RUN curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs | sh -s -- -y --profile minimal
WORKDIR /src
COPY . .
ARG FEATURES=default
RUN cargo build --release --locked --features "$FEATURES" --bin faena

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 7700 --home-dir /var/lib/faena --create-home faena
COPY --from=build /src/target/release/faena /usr/local/bin/faena
USER faena
WORKDIR /var/lib/faena
VOLUME /var/lib/faena
# Whoever reaches the port of a container comes from elsewhere, so it does not start without keys.
ENV FAENA_BIND=0.0.0.0:7700 FAENA_DATA=/var/lib/faena FAENA_LOG=json
EXPOSE 7700
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7700 && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["faena"]
CMD ["serve"]
