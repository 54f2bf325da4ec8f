package codec

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"image"
	"strings"
	"testing"
)

// Pictures of 19×13 pixels written by libwebp 1.6.0 (Pillow), and the SHA-256 of what
// it decodes them to, as RGBA multiplied by alpha.
var webps = map[string]struct{ data, sum string }{
	"lossy": {"UklGRqoAAABXRUJQVlA4IJ4AAABwBACdASoTAA0ALnFOp1OiJaWlhYBwS2AE6ZQjwnyumA6koFmddfBPcgLCAAD+/SCXqch92p//sHN/vZrgs9c9DCOvD2tRgCl9y87r339LZz7ZPMaKIEe94f/H/DbzE6q/WxL5oEoNtjskCNnZLE2fOM/Fq52DqhL/vXTjsCgDN/yYWzW5p/ixFN+U5y9Z/Y5M/g3o47YB8Uzo4SuAAA==",
		"58519731928ff83a468f0111734e2b97bf1c33ce4918adbbddf6686c52ded99b"},
	"lossless": {"UklGRmQAAABXRUJQVlA4TFgAAAAvEgADALkyRPQ/duUvfvQ/oKBtI8ccnj/aW78ADAObSJJVK3pVHb2I8ifggwDmr+DHBBC0cYGNXyGNSADfgApWAC0imBA7JDrkDRIjclpFpENKAX9V0rgA",
		"ab225f9428b70a1c7596d1c2bb410af3552de0f7ecb01eacf9bbbd0c31eba89d"},
	"lossy with alpha": {"UklGRu4AAABXRUJQVlA4WAoAAAAQAAAAEgAADAAAQUxQSEAAAAABZyAQSBAC219phojILBjSti3lz/Oo8BVSSCGFFFJIIYUUUkjrOET0P3+Wj/llehhvhov+pDtod5qNelFNSkEBVlA4IIgAAAAwAwCdASoTAA0AAoBCJbACdMoRwIsBKrQMgXTQdPnGqD30AP77GQPkqR3FPLUnJohRKhDCVFW+rAEi0IFQLQjXKHr2NpTt06pR4f8f8NCKhwos6r/8+Q4EFzzzUhZfEX77hilXj6L5nNhiRtf6mt6f+1iKfx7E0Uf/BFb/o2pCUzW12OjVAAAA",
		"287046459de4932932eefa0151c409d4f249cae06b440c4498ab24064d6f4f06"},
	"lossless with alpha": {"UklGRmoAAABXRUJQVlA4TF0AAAAvEgADELkyRPQ/duUvfvQ/FAratpHC4fij3XY/gItuGNTUttNKGv6UKYE9AigCekcBEz8BjzCxQcDEq4ANfcUzAEtUaheISIw9YHDMO8AQmUNVIHBMYYivKqGwAAQA",
		"7773a23c71c9488994bb14183f7d8e5a442b25b30e34ffcd0836f2dcf59e756f"},
}

func TestSet_WebP(t *testing.T) {
	s := Default()
	for name, c := range webps {
		data, err := base64.StdEncoding.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		dst := image.NewRGBA(image.Rect(0, 0, 19, 13))
		if err := s.WebP(dst, data); err != nil {
			t.Fatal(name, err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(dst.Pix)); sum != c.sum {
			t.Errorf("%s: other pixels than libwebp's", name)
		}
		if err := s.WebP(image.NewRGBA(image.Rect(0, 0, 8, 8)), data); err == nil || !strings.Contains(err.Error(), "19×13") {
			t.Errorf("%s: another size: %v", name, err)
		}
		for _, n := range []int{0, 11, 20, len(data) / 2} {
			if err := s.WebP(dst, data[:n]); err == nil {
				t.Errorf("%s cut at %d: no error", name, n)
			}
		}
	}
}

func FuzzWebP(f *testing.F) {
	for _, c := range webps {
		data, err := base64.StdEncoding.DecodeString(c.data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	s := New(Options{NoNative: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = s.WebP(image.NewRGBA(image.Rect(0, 0, 19, 13)), data) // any error, no panic
	})
}

func BenchmarkSet_WebP(b *testing.B) {
	data, err := base64.StdEncoding.DecodeString(webps["lossy"].data)
	if err != nil {
		b.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, 19, 13))
	b.ReportAllocs()
	for b.Loop() {
		if err := Default().WebP(dst, data); err != nil {
			b.Fatal(err)
		}
	}
}
