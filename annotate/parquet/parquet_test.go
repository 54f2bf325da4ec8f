package parquet

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func table(rows int) []Column {
	c := []Column{
		{Name: "file_name", Strings: []string{}}, {Name: "x", Ints: []int64{}}, {Name: "mpp", Floats: []float64{}},
		{Name: "untrained", Bools: []bool{}}, {Name: "embedding", Lists: [][]float32{}}, {Name: "raw", Bytes: [][]byte{}},
	}
	for i := range rows {
		c[0].Strings = append(c[0].Strings, fmt.Sprintf("Größe/%d.png", i))
		c[1].Ints = append(c[1].Ints, int64(i)*1_000_003-5)
		c[2].Floats = append(c[2].Floats, float64(i)/8)
		c[3].Bools = append(c[3].Bools, i%3 == 0)
		list := []float32{}
		for j := range i % 5 {
			list = append(list, float32(i)+float32(j)/4)
		}
		c[4].Lists = append(c[4].Lists, list)
		c[5].Bytes = append(c[5].Bytes, []byte{0xff, byte(i)})
	}
	return c
}

// What a table of each size says to pyarrow; the script checks every value.
const reader = `
import sys, pyarrow.parquet as pq
for path, rows in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    t = pq.read_table(path)
    assert t.num_rows == rows, (path, t.num_rows)
    assert [str(f.type) for f in t.schema] == ['string', 'int64', 'double', 'bool', 'list<element: float not null>', 'binary'], t.schema
    for i, r in enumerate(t.to_pylist()):
        want = {'file_name': 'Größe/%d.png' % i, 'x': i*1000003-5, 'mpp': i/8, 'untrained': i % 3 == 0,
                'embedding': [i + j/4 for j in range(i % 5)], 'raw': bytes([255, i % 256])}
        assert r == want, (i, r, want)
print('read')
`

// python is an interpreter that has the modules; the test is skipped without.
func python(t *testing.T, modules string) string {
	t.Helper()
	path := os.Getenv("COVERSLIP_PYTHON")
	if path == "" {
		path = "python3"
	}
	if exec.Command(path, "-c", "import "+modules).Run() != nil {
		t.Skip("no python with " + modules + " (COVERSLIP_PYTHON)")
	}
	return path
}

func TestWrite_PyarrowReadsIt(t *testing.T) {
	py := python(t, "pyarrow")
	args := []string{"-c", reader}
	for _, rows := range []int{0, 1, 9, 1000, rowsAGroup + 3} {
		var b bytes.Buffer
		if err := Write(&b, table(rows)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "t.parquet")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path, fmt.Sprint(rows))
	}
	if out, err := exec.Command(py, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWrite_SameBytesAndRefusal(t *testing.T) {
	var a, b bytes.Buffer
	if err := Write(&a, table(50)); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, table(50)); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("other bytes for the same table: %v", err)
	}
	if s := a.Bytes(); string(s[:4]) != "PAR1" || string(s[len(s)-4:]) != "PAR1" {
		t.Error("not framed by PAR1")
	}
	if Write(&a, nil) == nil || Write(&a, []Column{{Name: "a", Ints: []int64{1}}, {Name: "b", Ints: []int64{1, 2}}}) == nil {
		t.Error("an uneven table was taken")
	}
	if err := Write(failing{}, table(3)); err == nil {
		t.Error("an error of the disk was swallowed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }
