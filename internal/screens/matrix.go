package screens

import (
	"github.com/meshtls/meshtls/internal/istio"
	"github.com/meshtls/meshtls/internal/mesh"
	"github.com/meshtls/meshtls/internal/model"
)

// Matrix is what becomes of the calls between the workloads of a namespace, by the configuration.
type Matrix struct {
	Namespace string `json:"namespace"`
	// Clients and Servers are places in the list of workloads.
	Clients []int `json:"clients"`
	Servers []int `json:"servers"`
	// Cells are the pairs with traffic or a finding, by client and server.
	Cells []Cell `json:"cells"`
}

// Cell is what becomes of the calls of a client to a server.
type Cell struct {
	From int `json:"from"`
	To   int `json:"to"`
	// Outcome is the worst of the server's ports, and Why says what makes it so.
	Outcome mesh.Kind `json:"outcome"`
	Port    int32     `json:"port,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// mostClients bounds a matrix: more clients than that are not read at a glance, and each cell costs a verdict.
const mostClients = 60

// Matrix returns the matrix of the servers of the namespace. Its clients are the workloads of the namespace, and those of others that
// traffic shows.
func (p *Page) Matrix(namespace string, t Traffic) Matrix {
	m := Matrix{Namespace: namespace, Clients: []int{}, Servers: []int{}, Cells: []Cell{}}
	calls := p.callersOf(namespace, t)
	for i, w := range p.workloads {
		if (w.Namespace == namespace || calls[i]) && len(m.Clients) < mostClients {
			m.Clients = append(m.Clients, i)
		}
		if w.Namespace == namespace && !w.gateway() && len(m.Servers) < mostClients {
			m.Servers = append(m.Servers, i)
		}
	}
	m.Cells = append(m.Cells, p.cells(m.Clients, m.Servers)...)
	return m
}

// callersOf returns the workloads that traffic shows calling the namespace.
func (p *Page) callersOf(namespace string, t Traffic) map[int]bool {
	calls := map[int]bool{}
	for _, e := range t.Edges {
		if from, known := p.byID[e.Client]; known && e.Server.Namespace == namespace {
			calls[from] = true
		}
	}
	return calls
}

// cells returns what becomes of the calls of the clients to the servers.
func (p *Page) cells(clients, servers []int) []Cell {
	var cells []Cell
	for _, from := range clients {
		for _, to := range servers {
			if cell, said := p.cell(from, to); said && from != to {
				cells = append(cells, cell)
			}
		}
	}
	return cells
}

// badness orders outcomes, the worst last.
var badness = map[mesh.Kind]int{
	istio.MutualTLS: 1, istio.ServerTLS: 2, mesh.GatewayDecides: 2, istio.DoubleTLS: 3, istio.Plaintext: 4, istio.Refused: 5,
}

// cell returns the worst outcome of the client's calls of the Services in front of the server; false: none leads to it.
func (p *Page) cell(from, to int) (Cell, bool) {
	cell := Cell{From: from, To: to}
	client := p.workloads[from].taken[0].Pods
	for _, server := range p.workloads[to].pods() {
		for _, d := range p.View().InFront(server.Namespace, server.Labels) {
			for _, port := range d.Declared {
				for _, call := range p.View().CallsOf(client, d, port) {
					cell.take(p.View().Outcomes(call), server)
				}
			}
		}
	}
	return cell, cell.Outcome != ""
}

// take keeps the worst of the outcomes at the server's pods.
func (c *Cell) take(outcomes []mesh.Outcome, server *model.Workload) {
	for _, o := range outcomes {
		if o.Server == nil || o.Server.Namespace != server.Namespace || o.Server.Example != server.Example {
			continue
		}
		if badness[o.Kind] > badness[c.Outcome] {
			c.Outcome, c.Port, c.Why = o.Kind, o.Server.Port, o.Why
		}
	}
}
