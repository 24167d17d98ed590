package model_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshtlsv1alpha1 "github.com/meshtls/meshtls/api/v1alpha1"
	"github.com/meshtls/meshtls/internal/model"
)

func TestStageOf(t *testing.T) {
	tests := map[string]struct {
		until, now string
		want       model.ExceptionStage
	}{
		"long before":                    {"2027-03-01", "2027-01-01T00:00:00Z", model.ExceptionHolds},
		"a second before the 14 days":    {"2027-03-01", "2027-02-14T23:59:59Z", model.ExceptionHolds},
		"14 days before the last":        {"2027-03-01", "2027-02-15T00:00:00Z", model.ExceptionEndsIn14Days},
		"3 days before the last":         {"2027-03-01", "2027-02-26T00:00:00Z", model.ExceptionEndsIn3Days},
		"the last day begins":            {"2027-03-01", "2027-03-01T00:00:00Z", model.ExceptionEndsToday},
		"a second before the last ends":  {"2027-03-01", "2027-03-01T23:59:59Z", model.ExceptionEndsToday},
		"the last day is over":           {"2027-03-01", "2027-03-02T00:00:00Z", model.ExceptionEnded},
		"in another zone the day is UTC": {"2027-03-01", "2027-03-02T00:59:59+01:00", model.ExceptionEndsToday},
		"a day that is none":             {"soon", "2027-03-01T00:00:00Z", model.ExceptionEnded},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tc.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := model.StageOf(meshtlsv1alpha1.FloorException{Until: tc.until}, metav1.NewTime(now)); got != tc.want {
				t.Errorf("got stage %d, want %d", got, tc.want)
			}
		})
	}
}
