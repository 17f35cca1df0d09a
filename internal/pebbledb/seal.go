package pebbledb

import (
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sealFile says, while the store is closed, what its manifest and logs are like. Pebble
// takes a manifest that breaks off for the work of a crash, and goes on with what came
// before, which may be nothing; here it is known that there was no crash. Tables have
// checksums of their own.
const sealFile = "SEAL"

// sealed says whether a file is under the seal.
func sealed(name string) bool {
	return strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "marker.") ||
		strings.HasPrefix(name, "OPTIONS-") || strings.HasSuffix(name, ".log")
}

// sums describes the files of a folder that are under the seal, in one line.
func sums(fs vfs.FS, dir string) (string, error) {
	names, err := fs.List(dir)
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		if !sealed(name) {
			continue
		}
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return "", err
		}
		sum := crc32.New(castagnoli)
		n, err := io.Copy(sum, f)
		f.Close()
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf("%s:%d:%08x", name, n, sum.Sum32()))
	}
	return strings.Join(all, " ") + " .", nil
}

// seal seals a store that was closed in order.
func seal(fs vfs.FS, dir string) error {
	all, err := sums(fs, dir)
	if err != nil {
		return err
	}
	return writeFile(fs, fs.PathJoin(dir, sealFile), signed(all))
}

// signed is a line of sums with its own behind it.
func signed(all string) string {
	return fmt.Sprintf("%s %08x", all, crc32.Checksum([]byte(all), castagnoli))
}

// unseal compares the store with its seal, where it has one, and breaks it, so that a
// crash leaves none.
func unseal(fs vfs.FS, dir string, writable bool) error {
	was := readFile(fs, fs.PathJoin(dir, sealFile))
	if was == "" {
		return nil
	}
	end := strings.LastIndex(was, " ")
	if was != signed(was[:max(end, 0)]) {
		return Damaged(sealFile)
	}
	is, err := sums(fs, dir)
	if err != nil {
		return err
	}
	if is != was[:end] {
		return Damaged(firstOther(is, was[:end]))
	}
	if !writable {
		return nil
	}
	if err := fs.Remove(fs.PathJoin(dir, sealFile)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// firstOther is the name of the first file that two lines of sums describe differently.
func firstOther(is, was string) string {
	a, b := strings.Fields(is), strings.Fields(was)
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			name, _, _ := strings.Cut(b[i], ":")
			return name
		}
	}
	return sealFile
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
