// Package runtimes brings the ONNX Runtime library to the machine.
//
// The program never goes online by itself. Install takes what the user brings
// (a library, a package, a folder) or an address that the user chose, and
// puts the one library into the user's data, where onnx.Find looks.
package runtimes

import (
	"runtime"

	"coverslip/models/onnx"
)

// Package is a small build of ONNX Runtime for one platform, published as a
// package of the npm registry, whose library stands alone. Its sums are pinned.
type Package struct {
	OS, Arch string // as Go names them
	Name     string // of the package
	Version  string // of the package
	Runtime  string // version of ONNX Runtime inside
	Library  string // file name inside the folder "package/"
	SHA256   string // of the library, hex
	SHA512   string // of the package's file, base64, as the registry states it
	Size     int64  // of the package's file, bytes
	Needs    string // lowest system it runs on
}

const (
	packageVersion = "1.13.8"
	runtimeVersion = "1.28.2"
)

// Packages lists the five desktop platforms. The packages are a third party's
// build (Apache-2.0) of ONNX Runtime (MIT); that is why both sums are pinned.
func Packages() []Package {
	list := []Package{
		{OS: "linux", Arch: "amd64", Name: "sherpa-onnx-linux-x64", Library: "libonnxruntime.so", Size: 11_089_653,
			SHA256: "4b3607aebd1784b26b6f9b20e4bd974c7ab8287043e4d095cb7d2cb40b5e566e",
			SHA512: "6plnhjagsSeTntCgnlag86hWbs/uZE9Crms1LgOb68/1nKsIQjMd+WG519m+aPwT6TrsBOiEMzrx41t8sL5L5g==",
			Needs:  "glibc 2.17"},
		{OS: "linux", Arch: "arm64", Name: "sherpa-onnx-linux-arm64", Library: "libonnxruntime.so", Size: 13_910_679,
			SHA256: "cfc800d4438f15e8d9017521326776ca7117d8783cb847ccccc2fc61ac4d540f",
			SHA512: "Tlg7a70b/Wge3OF8IgTHF9jhSVCsLyKQKhwc4BsJ5A+dL/SrFtGBjzuHp4XeLhiiOT7afCxX5PdSn/D4c8Lnuw==",
			Needs:  "glibc 2.17"},
		{OS: "darwin", Arch: "amd64", Name: "sherpa-onnx-darwin-x64", Library: "libonnxruntime.dylib", Size: 11_191_481,
			SHA256: "2bf27180c09e6fd3f407c9ab25205ebf1ff95f2d53bfa35e35409b5849e0ac70",
			SHA512: "7BLRpjM6w4f9W46/nmkmq8lEKUayhebvcpslCVQ+6QN2uReYlZEMDZlSpXMjme+hUFrPfRz8P3UNq8ep/4d19g==",
			Needs:  "macOS 10.15"},
		{OS: "darwin", Arch: "arm64", Name: "sherpa-onnx-darwin-arm64", Library: "libonnxruntime.dylib", Size: 10_047_754,
			SHA256: "b0613d0ae53199a83b05fa48e169211498e9d40d54beaa372068ebe5ec5b0929",
			SHA512: "FPNgJMgnWVl/KhRTIhG3KL3A4Om63Rn4YKXc9/uHY7SzLcvqLJLc/h7UBWJwduXvv7K18t5NpxHR6XgXn4sjWw==",
			Needs:  "macOS 11"},
		{OS: "windows", Arch: "amd64", Name: "sherpa-onnx-win-x64", Library: "onnxruntime.dll", Size: 8_894_875,
			SHA256: "7f66f939a881baf4f46a2216496798edf4a1429878b646d12674aa62f27d8a25",
			SHA512: "oZF1c9VPOKtMwn83Bboc5XSWL+76BRoyB3eUuVnCknBKxwSULZU2Foia9VHWzU+n4I12rPsP6z6H9Rp1hD9o8g==",
			Needs:  "Windows 10"},
	}
	for i := range list {
		list[i].Version, list[i].Runtime = packageVersion, runtimeVersion
	}
	return list
}

// PackageFor finds the package of a platform.
func PackageFor(goos, goarch string) (Package, bool) {
	for _, p := range Packages() {
		if p.OS == goos && p.Arch == goarch {
			return p, true
		}
	}
	return Package{}, false
}

// Here is the package of the platform that the program runs on.
func Here() (Package, bool) { return PackageFor(runtime.GOOS, runtime.GOARCH) }

// known is a library that is recognised by its sum alone.
type known struct{ platform, version, from string }

// knownLibraries maps the sha256 of a library to what it is: the table above
// and the builds of Microsoft's own Node package, which are larger.
func knownLibraries() map[string]known {
	m := map[string]known{}
	for _, p := range Packages() {
		m[p.SHA256] = known{p.OS + "-" + p.Arch, p.Runtime, p.Name}
	}
	for sum, platform := range map[string]string{
		"ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23": "linux-amd64",
		"1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76": "linux-arm64",
		"685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d": "darwin-arm64",
		"508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67": "windows-amd64",
		"6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0": "windows-arm64",
	} {
		m[sum] = known{platform, "1.30.0", "onnxruntime-node"}
	}
	return m
}

// Folder is where runtimes are installed; see onnx.InstalledFolder.
func Folder() (string, error) { return onnx.InstalledFolder() }
