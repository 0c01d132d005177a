import CIPSet
import KnocknocModel

/// What the kernel says of a set, but its elements.
struct IPSetHeader: Hashable {
    var type = ""
    /// NFPROTO_IPV4, NFPROTO_IPV6.
    var family: UInt8 = 0
    var hasTimeouts = false
    var hasComments = false
    /// Whether new elements push out others when it is full.
    var forces = false
    /// Whether it keeps networks of one size instead of addresses.
    var hasMask = false

    /// Takes what one message of a listing says; later ones have elements only.
    init?(_ message: NetlinkAttributes) {
        var data: NetlinkAttributes?
        for attribute in message {
            switch Int(attribute.type) {
            case IPSET_ATTR_TYPENAME: type = attribute.text
            case IPSET_ATTR_FAMILY: family = attribute.bytes.first ?? 0
            case IPSET_ATTR_DATA: data = attribute.nested
            default: break
            }
        }
        guard !type.isEmpty, let data else { return nil }
        for attribute in data {
            switch Int(attribute.type) {
            case IPSET_ATTR_TIMEOUT: hasTimeouts = true
            case IPSET_ATTR_CADT_FLAGS:
                let flags = attribute.number
                hasComments = flags & IPSET_FLAG_WITH_COMMENT.rawValue != 0
                forces = flags & IPSET_FLAG_WITH_FORCEADD.rawValue != 0
            case IPSET_ATTR_NETMASK: hasMask = Int(attribute.bytes.first ?? 0) < (family == 2 ? 32 : 128)
            case IPSET_ATTR_BITMASK: hasMask = true
            default: break
            }
        }
    }

    /// Why it cannot be used as that set; nil where it can.
    func fault(_ set: IPSet) -> EnforcementError? {
        let reason: String? =
            if type != "hash:ip", type != "hash:net" {
                "it is of type \(type), not hash:ip or hash:net"
            } else if set.prefix != nil, type != "hash:net" {
                "it holds single addresses, and this target's elements are networks of /\(set.length)"
            } else if family != set.addresses.netfilter {
                "it does not hold \(set.addresses.rawValue) addresses"
            } else if !hasTimeouts {
                "it has no timeouts, so access would not end by itself"
            } else if hasMask {
                "it has a netmask, so one address would let in its whole network"
            } else if forces {
                "it has forceadd, so a full set would lose members at random"
            } else if set.blocks, !hasComments {
                "it has no comments, by which the agent knows whom it put there: taking out others would let them in"
            } else {
                nil
            }
        return reason.map {
            EnforcementError(.refused, "set \(set): \($0); make it with: \(set.creation)")
        }
    }
}
