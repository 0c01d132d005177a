import Crypto
import KnocknocSystem
import SwiftASN1
import X509

/// The certificate in a PEM file, or one that is on its way into one.
struct PEMCertificate: Sendable {
    let der: [UInt8]

    init(der: [UInt8]) { self.der = der }

    /// The first certificate of a file.
    ///
    /// - Throws: ``SystemError`` `invalid` where there is none.
    init(of file: SystemFile) throws(SystemError) {
        guard let text = try file.text() else {
            throw SystemError(.invalid, "\(file.path) is not there; expected certificate chain and key in PEM")
        }
        let documents = (try? PEMDocument.parseMultiple(pemString: text)) ?? []
        guard let document = documents.first(where: { $0.discriminator == "CERTIFICATE" }) else {
            throw SystemError(.invalid, "\(file.path) holds no certificate; expected certificate chain and key in PEM")
        }
        der = document.derBytes
    }

    var pem: String { PEMDocument(type: "CERTIFICATE", derBytes: der).pemString + "\n" }

    /// SHA-256 over the DER in lower-case hexadecimal, as the server prints it and agents pin it.
    var fingerprint: String {
        SHA256.hash(data: der).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// Whether it is its own issuer.
    var isSelfSigned: Bool {
        guard let certificate = try? Certificate(derEncoded: der) else { return false }
        return certificate.issuer == certificate.subject
    }
}
