package main

import (
	"bytes"
	"strings"
	"testing"
)

// What go test -json prints, shortened: a pass, a failure, two skips, an attribute,
// a package that doesn't build, and a line that is no event.
const stream = `{"Action":"start","Package":"p/a"}
{"Action":"run","Package":"p/a","Test":"TestOne"}
{"Action":"attr","Package":"p/a","Test":"TestOne","Key":"parlor.part","Value":"redis 7.0.15"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"pass","Package":"p/a","Test":"TestOne","Elapsed":0}
{"Action":"output","Package":"p/a","Test":"TestTwo","Output":"=== RUN   TestTwo\n"}
{"Action":"output","Package":"p/a","Test":"TestTwo","Output":"    a_test.go:7: got 1, want 2\n"}
{"Action":"output","Package":"p/a","Test":"TestTwo","Output":"--- FAIL: TestTwo (0.00s)\n"}
{"Action":"fail","Package":"p/a","Test":"TestTwo","Elapsed":0}
{"Action":"output","Package":"p/a","Test":"TestThree","Output":"    a_test.go:9: no server\n"}
{"Action":"output","Package":"p/a","Test":"TestThree","Output":"--- SKIP: TestThree (0.00s)\n"}
{"Action":"skip","Package":"p/a","Test":"TestThree","Elapsed":0}
{"Action":"output","Package":"p/a","Test":"TestFour","Output":"    a_test.go:12: no server\n"}
{"Action":"skip","Package":"p/a","Test":"TestFour","Elapsed":0}
{"Action":"output","Package":"p/a","Output":"FAIL\n"}
{"Action":"output","Package":"p/a","Output":"FAIL\tp/a\t0.01s\n"}
{"Action":"fail","Package":"p/a","Elapsed":0.01}
{"ImportPath":"p/b","Action":"build-output","Output":"b.go:1: undefined: x\n"}
{"ImportPath":"p/b","Action":"build-fail"}
{"Action":"output","Package":"p/b","Output":"FAIL\tp/b [build failed]\n"}
{"Action":"fail","Package":"p/b","Elapsed":0,"FailedBuild":"p/b"}
{"Action":"output","Package":"p/c","Output":"?   \tp/c\t[no test files]\n"}
{"Action":"skip","Package":"p/c","Elapsed":0}
not an event
`

func TestReport(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out)
	if err := r.read(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	r.close(true)
	got := out.String()
	for _, want := range []string{
		"got 1, want 2", "undefined: x", "not an event",
		"skipped: 2\n     2  no server\n",
		"real parts that took part: redis 7.0.15\n",
		"shared data: took part\n",
		"1 passed, 1 failed, 2 skipped\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	// go's own lines are the last.
	const closing = "FAIL\tp/a\t0.01s\nFAIL\tp/b [build failed]\n?   \tp/c\t[no test files]\n"
	if !strings.HasSuffix(got, closing) {
		t.Errorf("the closing lines are missing in:\n%s", got)
	}
	if strings.Contains(got, "=== RUN   TestOne") {
		t.Error("a passing test's output is shown")
	}
}
