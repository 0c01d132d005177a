/// Changes that know nothing of what the bytes mean: what disks, cables and cut connections do.
enum ByteMutations {
    static func apply(_ input: [UInt8], _ other: [UInt8], _ words: [[UInt8]], _ random: inout Randomness) -> [UInt8] {
        guard !input.isEmpty else { return random.pick(words + [other]) }
        var bytes = input
        let place = random.below(bytes.count)
        switch random.below(10) {
        case 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: return Array(bytes[..<place])
        case 3: return Array(bytes[place...])
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(16)))
        case 5:
            let end = min(bytes.count, place + 1 + random.below(64))
            bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count + 1))
        case 6: bytes.insert(contentsOf: random.pick(words + [[0], [0xff], [0xc3, 0x28], [13, 10]]), at: place)
        case 7:
            // A block of zeroes, or of an older file.
            let end = min(bytes.count, place + 1 + random.below(512))
            for index in place..<end { bytes[index] = random.chance(50) || index >= other.count ? 0 : other[index] }
        case 8: return Array(bytes[..<place]) + other.suffix(random.below(other.count + 1))
        default:
            let second = random.below(bytes.count)
            bytes.swapAt(place, second)
        }
        return bytes
    }
}
