import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// A server's certificate that signs itself, made for one test.
struct TestCertificate {
    let context: NIOSSLContext
    let pem: String
    /// SHA-256 of the certificate's DER form.
    let fingerprint: [UInt8]

    init(host: String = "127.0.0.1") throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName(host) }
        let address = ASN1OctetString(contentBytes: [127, 0, 0, 1])
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -3600), notValidAfter: Date(timeIntervalSinceNow: 3600),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                SubjectAlternativeNames(host == "127.0.0.1" ? [.ipAddress(address)] : [.dnsName(host)])
            },
            issuerPrivateKey: key)
        let document = try certificate.serializeAsPEM()
        pem = document.pemString
        fingerprint = Array(SHA256.hash(data: document.derBytes))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: document.derBytes, format: .der))],
            privateKey: .privateKey(
                try NIOSSLPrivateKey(bytes: Array(key.serializeAsPEM().pemString.utf8), format: .pem)))
        configuration.applicationProtocols = ["http/1.1"]
        context = try NIOSSLContext(configuration: configuration)
    }
}
