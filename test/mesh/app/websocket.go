package app

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// The parts of RFC 6455 that messages of a few hundred bytes need.
const (
	webSocketGUID  = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	headerKey      = "Sec-WebSocket-Key"
	upgradeHeaders = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	finalText      = 0x81
	opcode, text   = 0x0f, 1
	masked         = 0x80
	length16       = 126
	maskLength     = 4
	longestMessage = 1 << 16
)

var errNoText = errors.New("a WebSocket frame that is no text")

func isWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// answerWebSocket takes the connection over, and answers each message with the report on the request that opened it.
func answerWebSocket(w http.ResponseWriter, r *http.Request, report []byte) {
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer func() { _ = connection.Close() }()
	sum := sha1.Sum([]byte(r.Header.Get(headerKey) + webSocketGUID)) // the RFC's own choice; nothing is kept secret by it
	_, err = fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\n"+upgradeHeaders+"Sec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	for err == nil {
		if _, err = readFrame(buffered.Reader); err == nil {
			err = writeFrame(connection, report, false)
		}
	}
}

// upgrade opens a WebSocket on a connection, and returns what is read from it next.
func upgrade(connection net.Conn, host string) (*bufio.Reader, *http.Response, error) {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	_, err := fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: %s\r\n"+upgradeHeaders+"Sec-WebSocket-Version: 13\r\n%s: %s\r\n\r\n",
		host, headerKey, base64.StdEncoding.EncodeToString(key))
	if err != nil {
		return nil, nil, err
	}
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	return reader, response, err
}

// readFrame reads a message that is in one frame.
func readFrame(reader *bufio.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(reader, head[:]); err != nil {
		return nil, err
	}
	if head[0]&opcode != text {
		return nil, errNoText
	}
	length := int(head[1] &^ masked)
	if length == length16 {
		var long [2]byte
		if _, err := io.ReadFull(reader, long[:]); err != nil {
			return nil, err
		}
		length = int(binary.BigEndian.Uint16(long[:]))
	}
	mask := make([]byte, maskLength)
	if head[1]&masked != 0 {
		if _, err := io.ReadFull(reader, mask); err != nil {
			return nil, err
		}
	}
	message := make([]byte, min(length, longestMessage))
	if _, err := io.ReadFull(reader, message); err != nil {
		return nil, err
	}
	for i := range message {
		message[i] ^= mask[i%maskLength]
	}
	return message, nil
}

// writeFrame writes a message in one frame. A client's is masked, as the RFC demands: with zeros, which change nothing.
func writeFrame(w io.Writer, message []byte, client bool) error {
	frame := []byte{finalText, byte(len(message))}
	if len(message) >= length16 {
		frame = binary.BigEndian.AppendUint16([]byte{finalText, length16}, uint16(len(message)))
	}
	if client {
		frame[1] |= masked
		frame = append(frame, make([]byte, maskLength)...)
	}
	_, err := w.Write(append(frame, message...))
	return err
}
