package tokenizer

import (
	"encoding/json"
	"testing"
)

func TestDecoder_Decode_BytePairs(t *testing.T) {
	vocab := map[string]int32{}
	for _, s := range byteSymbols() {
		vocab[s] = int32(len(vocab))
	}
	for _, s := range []string{"Ġg", "Ġgl", "<|endoftext|>"} {
		vocab[s] = int32(len(vocab))
	}
	b, err := json.Marshal(vocab)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := ParsePairs(b, []byte("#version: 0.2\nĠ g\nĠg l\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := tok.Decoder()
	for _, text := range []string{"a gland", "Ki-67 ≥ 20 %, µm", "核", " two  spaces", ""} {
		if got := d.Decode(tok.Encode(text, 100)); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	end, _ := tok.ID("<|endoftext|>")
	if got := d.Decode([]int64{end, 1 << 40, -1, end}); got != "" {
		t.Errorf("what is no text became %q", got)
	}
	whole := tok.Encode("核", 100)
	if got := d.Decode(whole[:1]); got != "" {
		t.Errorf("half a letter became %q", got)
	}
}

func TestDecoder_Decode_EndsOfWords(t *testing.T) {
	vocab := `{"<|startoftext|>":0,"<|endoftext|>":1,"g":2,"l":3,"g</w>":4,"l</w>":5,"gl</w>":6,"a</w>":7}`
	tok, err := ParsePairs([]byte(vocab), []byte("g l</w>\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Decoder().Decode([]int64{0, 7, 6, 2, 5, 1}); got != "a gl gl " && got != "a gl gl" {
		t.Errorf("%q", got)
	}
}

func TestDecoder_Decode_WordPieces(t *testing.T) {
	tok, err := ParseWords([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ngland\n##ular\n.\n,\n'\ns\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Decoder().Decode([]int64{2, 4, 5, 6, 8, 5, 7, 3, 0}); got != "the glandular, gland." {
		t.Errorf("%q", got)
	}
}
