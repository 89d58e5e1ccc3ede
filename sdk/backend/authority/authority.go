// Package authority makes throw-away certificates: a private authority and what
// it signs, for tests of a remote backend and for trying one on a desk. It must
// not be used for more than that: its keys are in memory, it revokes nothing and
// what it signs ends after a day.
//
//	ca, err := authority.New()
//	server, err := ca.Issue("127.0.0.1", "localhost")
//	host, err := ca.Issue("plimsoll")
//	go backend.ServeTLS(ctx, "127.0.0.1:9443", server, "hello", newHello)
//	conn, err := backend.Dial("127.0.0.1:9443", &host)
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// life is how long everything holds, and skew what clocks may differ by.
const (
	life = 24 * time.Hour
	skew = 5 * time.Minute
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// New makes an authority that nothing trusts but what is told to.
func New() (*Authority, error) {
	template, key, err := draw("plimsoll throw-away authority")
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	return &Authority{cert: cert, key: key, pem: block("CERTIFICATE", der)}, nil
}

// Issue signs a certificate for hosts, names or addresses, good for both ends of
// a connection.
func (a *Authority) Issue(hosts ...string) (backend.TLS, error) {
	if len(hosts) == 0 {
		return backend.TLS{}, fmt.Errorf("signing a certificate: it needs the name of a host")
	}
	template, key, err := draw(hosts[0])
	if err != nil {
		return backend.TLS{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return backend.TLS{}, fmt.Errorf("signing the certificate of %s: %w", hosts[0], err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return backend.TLS{}, fmt.Errorf("writing the key of %s: %w", hosts[0], err)
	}
	return backend.TLS{CA: a.pem, Cert: block("CERTIFICATE", der), Key: block("PRIVATE KEY", raw)}, nil
}

func draw(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("drawing the key of %s: %w", name, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, fmt.Errorf("drawing the number of %s: %w", name, err)
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-skew), NotAfter: now.Add(life)}, key, nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
