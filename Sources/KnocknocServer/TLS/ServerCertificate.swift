import FoundationEssentials
import Glibc
import KnocknocCertificates
import KnocknocSystem

/// The certificate that the server made for itself, kept so that agents' pins survive a restart.
enum ServerCertificate {
    /// The files in `directory`, made where they are missing, about to expire or lack one of `names`.
    static func files(in directory: String, names: [String]) throws -> CertificateFiles {
        let files = CertificateFiles(certificate: directory + "/tls-cert.pem", key: directory + "/tls-key.pem")
        if let known = try? read(files.certificate), access(files.key, R_OK) == 0,
            SelfSignedCertificate.isGood(known, for: names)
        {
            return files
        }
        let made = try SelfSignedCertificate(names: names)
        try PrivateFile.write(Array(made.key.utf8), to: files.key)
        try PrivateFile.write(Array(made.certificate.utf8), to: files.certificate)
        return files
    }

    /// SHA-256 over the DER of the first certificate in a PEM file, lower-case hexadecimal; what agents pin.
    static func fingerprint(of file: String) throws -> String {
        try SelfSignedCertificate.fingerprint(ofPEM: try read(file))
    }

    /// SHA-256 over its public key in base64; what curl pins.
    static func pin(of file: String) throws -> String? { try SelfSignedCertificate.pin(ofPEM: try read(file)) }

    private static func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }
}
