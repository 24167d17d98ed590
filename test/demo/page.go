package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// openPage serves the page of the plugin until the context ends, and returns its address. What the proxies show of their connections is
// read where there are proxies.
func (c *cluster) openPage(ctx context.Context) (address string, err error) {
	program, err := c.binary("kubectl-meshtls")
	if err != nil {
		return "", err
	}
	args := []string{"ui", "--no-browser", "--allow-apply", "--idle=0", "--kubeconfig", c.plane.Kubeconfig}
	if c.mesh != nil {
		args = append(args, "--scrape")
	}
	page := exec.CommandContext(ctx, program, args...)
	out, err := page.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := page.Start(); err != nil {
		return "", fmt.Errorf("serving the page: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("serving the page: %w", err)
	}
	return strings.TrimSpace(line), nil
}
