package app

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

const (
	grpcContent = "application/grpc"
	// healthCheck is the method of gRPC's health checking protocol.
	healthCheck = "/grpc.health.v1.Health/Check"
	// headerReport is where an answer that has a form of its own carries the report.
	headerReport = "X-Report"
	// grpcStatus is the trailer with the outcome; grpcOK is its value where all went well.
	grpcStatus, grpcOK = "Grpc-Status", "0"
)

var (
	// grpcEmpty is a message without fields, framed: not compressed, length 0.
	grpcEmpty = []byte{0, 0, 0, 0, 0}
	// grpcServing is the answer SERVING (field 1 is 1), framed: not compressed, length 2.
	grpcServing = []byte{0, 0, 0, 0, 2, 8, 1}
)

func isGRPC(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), grpcContent)
}

// answerGRPC answers a health check.
func answerGRPC(w http.ResponseWriter, r *http.Request, report []byte) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", grpcContent)
	w.Header().Set("Trailer", grpcStatus)
	w.Header().Set(headerReport, string(report))
	_, _ = w.Write(grpcServing)
	w.Header().Set(grpcStatus, grpcOK)
}

// grpcRequest returns a health check, as an HTTP request.
func grpcRequest(url string) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, url+healthCheck, bytes.NewReader(grpcEmpty))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", grpcContent)
	request.Header.Set("Te", "trailers")
	return request, nil
}
