package app

import (
	"fmt"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/models/onnx"
)

// paramsOf is the line that every output of a model carries: all that is needed
// to repeat it beside the model itself. Words with spaces are quoted.
func (s *Session) paramsOf(e *embedding, o SuggestOptions, more ...string) string {
	params := fmt.Sprintf("mpp=%g patch=%d colour=%s min-score=%g limit=%d", o.MPP, o.Patch, colourWord(e.report.Pixels), o.MinScore, o.Limit)
	params = strings.Join(append([]string{params}, more...), " ")
	if e.report.Planes != "" {
		params += " planes=" + strconv.Quote(e.report.Planes)
	}
	if len(o.Classes) > 0 {
		ids := make([]string, len(o.Classes))
		for i, c := range o.Classes {
			ids[i] = c.String()
		}
		params += " only=" + strings.Join(ids, ",")
	}
	params += " preprocess=" + strconv.Quote(e.info.Preprocess)
	s.encoderMu.Lock()
	engine := s.engine
	s.encoderMu.Unlock()
	if c, ok := o.Encoder.(interface {
		Computed() (onnx.Provider, string)
	}); ok && engine != nil {
		provider, _ := c.Computed()
		params += fmt.Sprintf(" runtime=%s provider=%s", engine.Version(), provider)
	}
	return params + " app=" + Version
}

// parseParams reads the line again; what is no NAME=VALUE is left out.
func parseParams(line string) map[string]string {
	out := map[string]string{}
	for line != "" {
		line = strings.TrimLeft(line, " ")
		name, rest, ok := strings.Cut(line, "=")
		if !ok || strings.Contains(name, " ") {
			_, line, _ = strings.Cut(line, " ")
			continue
		}
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			if value, err := strconv.Unquote(quoted); err == nil {
				out[name] = value
			}
			line = rest[len(quoted):]
			continue
		}
		out[name], line, _ = strings.Cut(rest, " ")
	}
	return out
}

// optionsFrom are the options that a line of parameters was written with.
func optionsFrom(params map[string]string) (o SuggestOptions, err error) {
	if o.MPP, err = strconv.ParseFloat(params["mpp"], 64); err != nil || !(o.MPP > 0) {
		return o, fmt.Errorf("%w: mpp=%q", ErrNotRepeatable, params["mpp"])
	}
	if o.Patch, err = strconv.Atoi(params["patch"]); err != nil || o.Patch < 1 {
		return o, fmt.Errorf("%w: patch=%q", ErrNotRepeatable, params["patch"])
	}
	o.SRGB = params["colour"] == colourWord(pixelsSRGB)
	if only := params["only"]; only != "" {
		for _, text := range strings.Split(only, ",") {
			id, err := annotate.ParseID(text)
			if err != nil {
				return o, fmt.Errorf("%w: only=%q", ErrNotRepeatable, only)
			}
			o.Classes = append(o.Classes, id)
		}
	}
	if params["planes"] != "" {
		return o, fmt.Errorf("%w: which planes the model saw (%s) is known in words only", ErrNotRepeatable, params["planes"])
	}
	return o, nil
}
