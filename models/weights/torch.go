package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"coverslip/models"
)

// Limits of a pytorch_model.bin.
const (
	maxPickle  = 64 << 20 // bytes; a model of 100 000 tensors has some 20 MB
	maxEntries = 1 << 18
)

// OpenTorch reads the places of the tensors in a file that torch.save wrote,
// in its zip form (since PyTorch 1.6). Older forms and TorchScript give a
// *models.UnsupportedError, damaged and hostile files a *models.FormatError.
func OpenTorch(path string) (*Set, error) {
	s := newSet(filepath.Dir(path))
	if err := s.torch(filepath.Base(path)); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Set) torch(name string) error {
	path := filepath.Join(s.Dir, name)
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = s.readTorch(f, size, name)
	var unsupported *models.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		unsupported.File = path
		return unsupported
	case err != nil:
		return &models.FormatError{File: path, What: "not sound PyTorch weights", Err: err}
	}
	s.Files = append(s.Files, name)
	return nil
}

// legacy names the forms of torch.save before the zip file.
func legacy(head []byte) string {
	magic := []byte("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") // torch.serialization.MAGIC_NUMBER as a pickle
	switch {
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return "a tar file, as PyTorch wrote before version 0.1.10"
	case bytes.HasPrefix(head, []byte("\x80\x02")) && bytes.Contains(head[:min(len(head), 32)], magic),
		bytes.HasPrefix(head, []byte("\x80\x02")), bytes.HasPrefix(head, []byte("\x80\x04")):
		return "a bare pickle, as PyTorch wrote before version 1.6"
	}
	return ""
}

func (s *Set) readTorch(r io.ReaderAt, size int64, file string) error {
	head := make([]byte, 512)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	if what := legacy(head); what != "" {
		return &models.UnsupportedError{What: "it is " + what, Hint: "load it in Python with torch.load and write it with safetensors.torch.save_file"}
	}
	if what := disguise(head); what != "" && what != "a zip file" {
		return fmt.Errorf("it is %s", what)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	a, err := openArchive(z)
	if err != nil {
		return err
	}
	tensors, err := a.pickle()
	if err != nil {
		return err
	}
	for name, v := range tensors {
		if err := a.place(s, name, v, size, file); err != nil {
			return err
		}
	}
	return nil
}

// archive is the zip file: NAME/data.pkl and NAME/data/KEY.
type archive struct {
	root  string
	files map[string]*zip.File
}

func openArchive(z *zip.Reader) (*archive, error) {
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("%d files in it", len(z.File))
	}
	a := &archive{files: make(map[string]*zip.File, len(z.File))}
	script, found := false, false
	for _, f := range z.File {
		a.files[f.Name] = f
		script = script || strings.HasSuffix(f.Name, "/constants.pkl") || strings.Contains(f.Name, "/code/")
		if strings.HasSuffix(f.Name, "/data.pkl") && strings.Count(f.Name, "/") == 1 {
			a.root, found = strings.TrimSuffix(f.Name, "data.pkl"), true
		}
	}
	if script {
		return nil, &models.UnsupportedError{What: "it is TorchScript, a program, which cannot run here",
			Hint: "export the model with torch.onnx.export, or give its weights as safetensors"}
	}
	if !found {
		return nil, errors.New("it holds no data.pkl")
	}
	if f := a.files[a.root+"byteorder"]; f != nil {
		b, err := readEntry(f, 16)
		if err != nil {
			return nil, err
		}
		if order := strings.TrimSpace(string(b)); order != "little" {
			return nil, &models.UnsupportedError{What: fmt.Sprintf("its numbers are stored %q-endian", order)}
		}
	}
	return a, nil
}

// readEntry reads a file of the archive of at most limit bytes.
func readEntry(f *zip.File, limit int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("%s has %d bytes", f.Name, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than it says", f.Name)
	}
	return b, nil
}

// pickle gives the tensors that data.pkl names.
func (a *archive) pickle() (map[string]view, error) {
	b, err := readEntry(a.files[a.root+"data.pkl"], maxPickle)
	if err != nil {
		return nil, err
	}
	v, err := unpickle(b)
	if err != nil {
		return nil, err
	}
	top, ok := v.(*dict)
	if !ok {
		return nil, errors.New("it holds no dictionary of tensors")
	}
	for _, wrap := range []string{"state_dict", "model_state_dict", "model", "teacher"} { // as training scripts save
		if inner, ok := top.items[wrap].(*dict); ok {
			top = inner
			break
		}
	}
	out := map[string]view{}
	for name, v := range top.items {
		if t, ok := v.(view); ok {
			out[name] = t
		}
	}
	return out, nil
}

// place finds a tensor's bytes in the file.
func (a *archive) place(s *Set, name string, v view, size int64, file string) error {
	f := a.files[a.root+"data/"+v.key]
	if f == nil {
		return fmt.Errorf("the numbers of %q are missing", name)
	}
	if f.Method != zip.Store {
		return &models.UnsupportedError{What: "its numbers are compressed", Hint: "write it with torch.save or as safetensors"}
	}
	start, err := f.DataOffset()
	if err != nil {
		return fmt.Errorf("the numbers of %q: %w", name, err)
	}
	n, ok := count(v.shape)
	bytesEach := v.typ.Size()
	if !ok || v.offset > math.MaxInt32*1024 || (v.offset+n)*bytesEach > int64(min(f.UncompressedSize64, math.MaxInt64)) {
		if v.contiguous() {
			return fmt.Errorf("weights %q of shape %v lie outside their storage", name, v.shape)
		}
		n, v.shape = 0, []int64{0} // a broadcast view of fewer numbers, such as position ids
	}
	t := Tensor{Type: v.typ, Shape: v.shape, File: file, Offset: start + v.offset*bytesEach, Length: n * bytesEach, Strided: !v.contiguous()}
	return s.add(name, t, size)
}
