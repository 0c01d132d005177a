import Crypto
import FoundationEssentials
import KnocknocModel
import SwiftASN1
import X509

/// A certificate that a machine makes for itself, and its key.
public struct SelfSignedCertificate: Sendable {
    /// PEM.
    public let certificate: String
    /// PEM; a P-256 key.
    public let key: String
    /// SHA-256 over the DER, lower-case hexadecimal; what is compared by eye and pinned.
    public let fingerprint: String

    /// Makes one that is valid for ten years.
    ///
    /// - Parameter names: host names and addresses; those of loopback are always among them.
    /// - Throws: the certificate library's error where a name cannot be in one.
    public init(names: [String]) throws {
        let signing = P256.Signing.PrivateKey()
        let privateKey = Certificate.PrivateKey(signing)
        let subject = try DistinguishedName { CommonName(names.first ?? "knocknoc") }
        let now = Date()
        let made = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: privateKey.publicKey,
            notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(3650 * 86_400),
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(Self.generalNames(names))
            }, issuerPrivateKey: privateKey)
        certificate = try made.serializeAsPEM().pemString
        key = signing.pemRepresentation
        fingerprint = try Self.fingerprint(of: made)
    }

    /// Whether this certificate in PEM holds for all names for 30 days more.
    public static func isGood(_ pem: String, for names: [String]) -> Bool {
        guard let known = try? Certificate(pemEncoded: pem),
            known.notValidAfter > Date(timeIntervalSinceNow: 30 * 86_400),
            let covered = try? known.extensions.subjectAlternativeNames
        else { return false }
        return generalNames(names).allSatisfy { covered.contains($0) }
    }

    /// The fingerprint of the first certificate in PEM.
    public static func fingerprint(ofPEM pem: String) throws -> String {
        try fingerprint(of: Certificate(pemEncoded: pem))
    }

    /// SHA-256 over the public key of the first certificate in PEM, in base64, as `curl --pinnedpubkey` takes it (RFC 7469
    /// §2.4); nil where the key is of another kind than ours.
    public static func pin(ofPEM pem: String) throws -> String? {
        guard let key = P256.Signing.PublicKey(try Certificate(pemEncoded: pem).publicKey) else { return nil }
        return Data(SHA256.hash(data: key.derRepresentation)).base64EncodedString()
    }

    private static func fingerprint(of certificate: Certificate) throws -> String {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return SHA256.hash(data: serializer.serializedBytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func generalNames(_ names: [String]) -> [GeneralName] {
        var seen: Set<String> = []
        return (names + ["localhost", "127.0.0.1", "::1"]).filter { seen.insert($0).inserted }.map { name in
            guard let address = IPAddress(name) else { return .dnsName(name) }
            return .ipAddress(ASN1OctetString(contentBytes: address.bytes[...]))
        }
    }
}
