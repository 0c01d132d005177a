import Crypto
import FoundationEssentials
import Glibc
import KnocknocModel
import SwiftASN1
import X509

/// A certificate that the server makes for itself, kept so that agents' pins survive a restart.
enum SelfSignedCertificate {
    /// The files in `directory`, made where they are missing, about to expire or lack one of `names`.
    static func files(in directory: String, names: [String]) throws -> CertificateFiles {
        let files = CertificateFiles(certificate: directory + "/tls-cert.pem", key: directory + "/tls-key.pem")
        if let known = try? Certificate(pemEncoded: read(files.certificate)), access(files.key, R_OK) == 0,
            known.notValidAfter > Date(timeIntervalSinceNow: 30 * 86_400), covers(known, names)
        {
            return files
        }
        try create(files, names: names)
        return files
    }

    /// SHA-256 over the DER of the first certificate in a PEM file, lower-case hexadecimal; what agents pin.
    static func fingerprint(of file: String) throws -> String {
        let certificate = try Certificate(pemEncoded: read(file))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return SHA256.hash(data: serializer.serializedBytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func create(_ files: CertificateFiles, names: [String]) throws {
        let key = P256.Signing.PrivateKey()
        let privateKey = Certificate.PrivateKey(key)
        let subject = try DistinguishedName { CommonName(names.first ?? "knocknoc") }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: privateKey.publicKey,
            notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(3650 * 86_400),
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(generalNames(names))
            }, issuerPrivateKey: privateKey)
        try PrivateFile.write(Array(key.pemRepresentation.utf8), to: files.key)
        try PrivateFile.write(Array(certificate.serializeAsPEM().pemString.utf8), to: files.certificate)
    }

    private static func covers(_ certificate: Certificate, _ names: [String]) -> Bool {
        guard let known = try? certificate.extensions.subjectAlternativeNames else { return false }
        return generalNames(names).allSatisfy { known.contains($0) }
    }

    private static func generalNames(_ names: [String]) -> [GeneralName] {
        var seen: Set<String> = []
        return (names + ["localhost", "127.0.0.1", "::1"]).filter { seen.insert($0).inserted }.map { name in
            guard let address = IPAddress(name) else { return .dnsName(name) }
            return .ipAddress(ASN1OctetString(contentBytes: bytes(address)[...]))
        }
    }

    private static func bytes(_ address: IPAddress) -> [UInt8] {
        switch address {
        case .v4(let value): (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
        case .v6(let value): (0..<16).map { UInt8(truncatingIfNeeded: value >> (120 - 8 * UInt128($0))) }
        }
    }

    private static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }
}
