package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/fxamacker/cbor/v2"
)

// A sealed value is
//
//	byte 0      format of the body (formatV1, or formatGone for "removed here")
//	bytes 1..4  CRC-32C, little-endian, of the name, byte 0 and bytes 5…
//	bytes 5…    version (uvarint), body
//
// The name is the identifier the value belongs to. It is part of the sum but
// not of the value, so that an intact value under a wrong key is found too.
const (
	formatGone byte = 0
	formatV1   byte = 1
	sealHead        = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal wraps the body. The version is the number of the commit that wrote it.
func seal(name []byte, format byte, version uint64, body []byte) []byte {
	v := make([]byte, sealHead, sealHead+binary.MaxVarintLen64+len(body))
	v[0] = format
	v = binary.AppendUvarint(v, version)
	v = append(v, body...)
	binary.LittleEndian.PutUint32(v[1:], sealSum(name, v))
	return v
}

func sealSum(name, v []byte) uint32 {
	sum := crc32.Update(0, castagnoli, name)
	sum = crc32.Update(sum, castagnoli, v[:1])
	return crc32.Update(sum, castagnoli, v[sealHead:])
}

// unseal checks the value and takes it apart; the body is a part of v.
func unseal(name, v []byte) (format byte, version uint64, body []byte, err error) {
	if len(v) < sealHead+1 {
		return 0, 0, nil, fmt.Errorf("value of %d bytes is too short", len(v))
	}
	if binary.LittleEndian.Uint32(v[1:]) != sealSum(name, v) {
		return 0, 0, nil, fmt.Errorf("checksum does not match")
	}
	if v[0] != formatV1 && v[0] != formatGone {
		return 0, 0, nil, fmt.Errorf("unknown value format %d", v[0])
	}
	version, n := binary.Uvarint(v[sealHead:])
	if n <= 0 {
		return 0, 0, nil, fmt.Errorf("version is damaged")
	}
	return v[0], version, v[sealHead+n:], nil
}

// codec is the CBOR dialect of all values: core deterministic encoding (RFC
// 8949 §4.2.1), so that equal things have equal bytes and hashes.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func newCodec() (*codec, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	dec, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		MaxArrayElements: 1 << 24,
		MaxMapPairs:      1 << 20,
		MaxNestedLevels:  8,
		// A name may hold bytes that are no UTF-8 (from an imported file):
		// keeping them is better than refusing to show the object.
		UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode()
	if err != nil {
		return nil, err
	}
	return &codec{enc, dec}, nil
}
