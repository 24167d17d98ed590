package evidence

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"

	prometheusv1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// causeOf says as a full sentence why Prometheus did not answer.
func causeOf(host string, err error) string {
	for _, cause := range causes {
		if cause.is(err) {
			return fmt.Sprintf(cause.words, host)
		}
	}
	if answered := (*prometheusv1.Error)(nil); errors.As(err, &answered) {
		return answerOf(host, answered)
	}
	return fmt.Sprintf("Prometheus at %s could not be asked: %v.", host, err)
}

// cause is a kind of failure, with the words for it.
type cause struct {
	is    func(error) bool
	words string
}

// causes are the failures on the way to an answer.
var causes = []cause{
	{isTimeout, "Prometheus at %s did not answer in time."},
	{is(context.Canceled), "The question to Prometheus at %s was given up."},
	{is(errTooLarge), "The answer of Prometheus at %s is too large to be one about a workload; it was not read to its end."},
	{is(errElsewhere), "Prometheus at %s leads to another host, which is not followed; give the address that it leads to, if it is yours."},
	{is(syscall.ECONNREFUSED), "Prometheus at %s refuses the connection."},
	{isAs[*tls.CertificateVerificationError],
		"The certificate of Prometheus at %s is not trusted; name its authority with --prometheus-ca-file."},
	{isAs[*net.DNSError], "The name of Prometheus at %s cannot be resolved."},
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func isAs[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func isTimeout(err error) bool {
	var timed net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}

// answerOf says what an answer is that is no result.
func answerOf(host string, err *prometheusv1.Error) string {
	switch err.Type {
	case prometheusv1.ErrServer:
		return fmt.Sprintf("Prometheus at %s fails: %s.", host, err.Msg)
	case prometheusv1.ErrClient:
		return fmt.Sprintf("Prometheus at %s refuses the request: %s; a token is named with --prometheus-token-file.", host, err.Msg)
	case prometheusv1.ErrBadResponse:
		return fmt.Sprintf("What answers at %s is not Prometheus, or something is in between: the answer is not in Prometheus' format.", host)
	default:
		return fmt.Sprintf("Prometheus at %s does not evaluate the query: %s.", host, err.Msg)
	}
}
