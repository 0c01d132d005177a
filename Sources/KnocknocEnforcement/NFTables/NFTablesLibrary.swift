import CNFTables
import NIOConcurrencyHelpers

/// libnftables in this process; bound to the network namespace of the thread that makes it.
final class NFTablesLibrary {
    private let context: OpaquePointer

    /// The library keeps tables of names in static memory.
    private static let lock = NIOLock()

    init() throws(EnforcementError) {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        guard let context = nft_ctx_new(0) else {
            throw EnforcementError(.unavailable, "libnftables could not be started")
        }
        self.context = context
        nft_ctx_buffer_output(context)
        nft_ctx_buffer_error(context)
        // Listings show rules, not the elements of sets: there may be very many.
        nft_ctx_output_set_flags(context, UInt32(NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE))
    }

    deinit {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        nft_ctx_free(context)
    }

    /// Runs commands as one transaction.
    ///
    /// - Returns: what the commands print.
    /// - Throws: ``EnforcementError`` with the kernel's reason, without the echo of the command.
    @discardableResult
    func run(_ commands: String) throws(EnforcementError) -> String {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let result = nft_run_cmd_from_buffer(context, commands)
        let output = nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? ""
        let errors = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
        guard result == 0 else { throw Self.error(errors) }
        return output
    }

    /// The first line of the library's report, without its position and the command below it.
    static func error(_ report: String) -> EnforcementError {
        let line = report.split(separator: "\n").first { $0.contains("Error: ") }.map(String.init) ?? report
        let reason = line.firstRange(of: "Error: ").map { String(line[$0.upperBound...]) } ?? line
        let missing = reason.hasPrefix("No such file or directory")
        return EnforcementError(missing ? .missing : .kernel, reason.isEmpty ? "nftables refused" : reason)
    }
}

extension String {
    fileprivate func firstRange(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
