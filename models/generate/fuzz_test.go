package generate_test

import (
	"strings"
	"testing"

	"coverslip/models/generate"
	"coverslip/models/tower"
)

// FuzzReadSettings: settings of any kind are read without a fault.
func FuzzReadSettings(f *testing.F) {
	f.Add(`{"decoder_start_token_id": 1, "eos_token_id": [2, 3], "num_beams": 4, "early_stopping": "never"}`, `{"decoder": {"bos_token_id": 7}}`)
	f.Add(`{"eos_token_id": -1, "max_length": 1e99, "length_penalty": "x"}`, `{"text_config": 7}`)
	f.Add(`{"eos_token_id": {}, "suppress_tokens": [null, "a"], "max_new_tokens": 9223372036854775807}`, `{`)
	f.Fuzz(func(t *testing.T, generation, config string) {
		a, err := tower.ReadSettings(strings.NewReader(generation))
		if err != nil {
			a = nil
		}
		b, err := tower.ReadSettings(strings.NewReader(config))
		if err != nil {
			b = nil
		}
		if id := generate.ReadSettings(a, b).ID(); id == "" {
			t.Error("settings without a line")
		}
	})
}
