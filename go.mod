module github.com/parlor-chat/parlor

go 1.26.0

require (
	github.com/rivo/uniseg v0.4.7
	go.uber.org/goleak v1.3.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require github.com/stretchr/testify v1.9.0 // indirect
