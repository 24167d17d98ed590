# syntax=docker/dockerfile:1

# The manager is cross-compiled on the builder's own platform: no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api/ api/
COPY cmd/manager/ cmd/manager/
COPY config/crd/ config/crd/
COPY controllers/ controllers/
COPY internal/ internal/
# Given by the Makefile: the repository's history is not in the build.
ARG VERSION
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X main.release=$VERSION" -o /manager ./cmd/manager

# Nothing but the program: it is static, and the API server's CA comes with the ServiceAccount.
FROM scratch
COPY --from=build /manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
