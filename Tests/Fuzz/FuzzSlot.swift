import Foundation
import Glibc
import Synchronization

/// The input that a fuzzer is busy with, where a signal handler and a watchdog find it.
final class FuzzSlot: @unchecked Sendable {  // The handler reads what its own thread, stopped, has written.
    static let capacity = 1 << 21
    private static let most = 16
    private nonisolated(unsafe) static let slots = UnsafeMutablePointer<Unmanaged<FuzzSlot>?>.allocate(capacity: most)
    private static let count = Mutex(0)
    private static let handlers: Void = {
        slots.initialize(repeating: nil, count: most)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                FuzzSlot.tell()
                signal(number, SIG_DFL)
                raise(number)
            }
            action.sa_flags = SA_ONSTACK
            sigaction(number, &action, nil)
        }
    }()

    private let name: [UInt8]
    private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: FuzzSlot.capacity)
    private let length = Atomic(-1)
    private let turn = Atomic(0)
    private let over = Atomic(false)

    init(_ name: String) {
        self.name = Array(name.utf8)
        Self.handlers
        Self.count.withLock { count in
            if count < Self.most {
                Self.slots[count] = Unmanaged.passRetained(self)
                count += 1
            }
        }
        Thread.detachNewThread { [self] in watch() }
    }

    func begin(_ input: [UInt8]) {
        turn.add(1, ordering: .relaxed)
        let size = min(input.count, Self.capacity)
        input.withUnsafeBufferPointer { if let base = $0.baseAddress { bytes.update(from: base, count: size) } }
        length.store(size, ordering: .releasing)
    }

    func end() { length.store(-1, ordering: .releasing) }

    func finish() { over.store(true, ordering: .relaxed) }

    /// Ends the process where one input takes a minute: nothing here may hang.
    private func watch() {
        var (seen, since) = (0, 0)
        while !over.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: 1)
            let now = turn.load(ordering: .relaxed)
            since = now == seen && length.load(ordering: .relaxed) >= 0 ? since + 1 : 0
            seen = now
            if since >= 60 { abort() }
        }
    }

    /// Writes every fuzzer's input to standard error in hexadecimal; calls nothing that a signal handler may not.
    private static func tell() {
        for index in 0..<most {
            guard let slot = slots[index]?._withUnsafeGuaranteedRef({ $0 }) else { continue }
            let length = slot.length.load(ordering: .acquiring)
            guard length >= 0 else { continue }
            say("\nfuzz ")
            slot.name.withUnsafeBufferPointer { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
            say(": the process ends with this input under way, in hexadecimal; keep it in the corpus (xxd -r -p):\n")
            for index in 0..<length {
                let byte = slot.bytes[index]
                var pair = (digit(byte >> 4), digit(byte & 15))
                _ = write(STDERR_FILENO, &pair, 2)
            }
            say("\n")
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    private static func say(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }
}
