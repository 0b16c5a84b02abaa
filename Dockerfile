# syntax=docker/dockerfile:1
FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --omit=dev --no-audit --no-fund --loglevel=error
RUN node node_modules/bun/install.js
RUN node_modules/.bin/bun --no-env-file scripts/build-binary.ts --outfile dist/lty
RUN mkdir -p dist/data

# The binary needs glibc and nothing else: no shell, no package manager, no root.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /src/dist/lty /usr/local/bin/lty
COPY --from=build --chown=65532:65532 /src/dist/data /data
USER 65532:65532
WORKDIR /data
ENV LTY_HOST=0.0.0.0 LTY_DATABASE_URL=sqlite:/data/lty.db
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["/usr/local/bin/lty", "health"]
ENTRYPOINT ["/usr/local/bin/lty"]
CMD ["serve"]
