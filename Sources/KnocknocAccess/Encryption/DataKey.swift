import Crypto
import FoundationEssentials

/// Seals what stands in single columns. What was sealed for one place opens in no other: table, row and column are
/// authenticated with it.
public struct DataKey: Sendable {
    /// Where a ciphertext stands.
    public struct Place: Hashable, Sendable {
        public var table: String
        public var row: String
        public var column: String

        public init(table: String, row: String, column: String) {
            self.table = table
            self.row = row
            self.column = column
        }

        /// Each part after its length, so that no two places look alike.
        var data: Data {
            [table, row, column].reduce(into: Data("knocknoc sealed 1".utf8)) { data, part in
                let bytes = Array(part.utf8)
                for shift in [24, 16, 8, 0] { data.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
                data.append(contentsOf: bytes)
            }
        }
    }

    let key: SymmetricKey
    private static let version: UInt8 = 1

    /// AES-256-GCM with a random nonce: version, nonce, ciphertext, tag.
    public func seal(_ plaintext: [UInt8], for place: Place) throws -> [UInt8] {
        let box = try AES.GCM.seal(plaintext, using: key, authenticating: place.data)
        return [Self.version] + Array(box.nonce) + box.ciphertext + box.tag
    }

    /// - Throws: ``AccessError`` `encryptionKey` where it was sealed with another key or for another place, or changed.
    public func open(_ sealed: [UInt8], from place: Place) throws(AccessError) -> [UInt8] {
        do {
            guard sealed.first == Self.version else { throw CryptoKitError.authenticationFailure }
            let box = try AES.GCM.SealedBox(combined: sealed.dropFirst())
            return Array(try AES.GCM.open(box, using: key, authenticating: place.data))
        } catch {
            throw AccessError(
                .encryptionKey,
                "\(place.table).\(place.column) of \(place.row) does not open: it was sealed with another data key or "
                    + "for another place, or changed")
        }
    }
}
