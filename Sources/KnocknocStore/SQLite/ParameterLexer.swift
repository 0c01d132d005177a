/// Rewrites `$1` to `?1`: SQLite would number `$1` as a named parameter by its first appearance.
///
/// Left alone: string literals, quoted identifiers, comments, dollar signs inside identifiers, and `$` without a
/// number.
enum ParameterLexer {
    static func rewrite(_ sql: String) -> String {
        var lexer = Lexer(text: Array(sql.utf8))
        lexer.run()
        return String(decoding: lexer.output, as: UTF8.self)
    }

    private struct Lexer {
        let text: [UInt8]
        var output: [UInt8] = []
        var position = 0

        mutating func run() {
            output.reserveCapacity(text.count)
            while position < text.count {
                let byte = text[position]
                switch byte {
                case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"): copyQuoted(until: byte)
                case UInt8(ascii: "["): copyThrough([UInt8(ascii: "]")])
                case UInt8(ascii: "-") where next == UInt8(ascii: "-"): copyThrough([UInt8(ascii: "\n")])
                case UInt8(ascii: "/") where next == UInt8(ascii: "*"): copyThrough(Array("*/".utf8), skipping: 2)
                case UInt8(ascii: "$"): copyDollar()
                default: if isIdentifier(byte) { copyWord() } else { copy(1) }
                }
            }
        }

        private var next: UInt8? { position + 1 < text.count ? text[position + 1] : nil }

        private func isIdentifier(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
                || byte >= 128
        }

        private mutating func copy(_ count: Int) {
            let end = min(position + count, text.count)
            output += text[position..<end]
            position = end
        }

        /// A doubled quote stands for one and ends nothing.
        private mutating func copyQuoted(until quote: UInt8) {
            copy(1)
            while position < text.count {
                if text[position] == quote {
                    if next == quote {
                        copy(2)
                        continue
                    }
                    copy(1)
                    return
                }
                copy(1)
            }
        }

        private mutating func copyThrough(_ end: [UInt8], skipping: Int = 1) {
            copy(skipping)
            while position < text.count {
                if text[position...].starts(with: end) {
                    copy(end.count)
                    return
                }
                copy(1)
            }
        }

        private mutating func copyWord() {
            while position < text.count, isIdentifier(text[position]) || text[position] == UInt8(ascii: "$") { copy(1) }
        }

        private mutating func copyDollar() {
            if let next, (48...57).contains(next) {
                output.append(UInt8(ascii: "?"))
                position += 1
            } else {
                copy(1)
            }
        }
    }
}
