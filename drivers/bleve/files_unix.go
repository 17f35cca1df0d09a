//go:build unix

package bleve

import "syscall"

// mayOpen is how many files an index opens by default.
func mayOpen() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return leastFiles
	}
	return int(max(leastFiles, min(mostFiles, limit.Cur/2)))
}
