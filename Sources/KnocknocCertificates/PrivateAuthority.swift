import Crypto
import FoundationEssentials
import KnocknocModel
import SwiftASN1
import X509

/// A certificate authority for machines that know each other; its key lives as long as this value and is kept nowhere.
public struct PrivateAuthority: Sendable {
    /// PEM; what every machine trusts.
    public let certificate: String
    private let subject: DistinguishedName
    private let key: Certificate.PrivateKey

    /// - Parameter name: for people, as in "knocknoc etcd".
    public init(name: String) throws {
        key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        subject = try DistinguishedName { CommonName(name) }
        let made = try Self.make(subject, for: key.publicKey, by: (subject, key)) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
            Critical(KeyUsage(keyCertSign: true))
        }
        certificate = try made.serializeAsPEM().pemString
    }

    /// A certificate by which a machine is known as server and as client.
    ///
    /// - Parameter names: host names and addresses; the first is the certificate's own.
    /// - Returns: certificate and key in PEM.
    public func issue(names: [String]) throws -> (certificate: String, key: String) {
        let signing = P256.Signing.PrivateKey()
        let own = try DistinguishedName { CommonName(names.first ?? "knocknoc") }
        let alternatives: [GeneralName] = names.map { name in
            guard let address = IPAddress(name) else { return .dnsName(name) }
            return .ipAddress(ASN1OctetString(contentBytes: address.bytes[...]))
        }
        let made = try Self.make(own, for: Certificate.PrivateKey(signing).publicKey, by: (subject, key)) {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([.serverAuth, .clientAuth])
            SubjectAlternativeNames(alternatives)
        }
        return (try made.serializeAsPEM().pemString, signing.pemRepresentation)
    }

    private static func make(
        _ subject: DistinguishedName, for key: Certificate.PublicKey,
        by issuer: (name: DistinguishedName, key: Certificate.PrivateKey),
        @ExtensionsBuilder _ extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> Certificate {
        let now = Date()
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key,
            notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(3650 * 86_400),
            issuer: issuer.name, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions(builder: extensions), issuerPrivateKey: issuer.key)
    }
}
