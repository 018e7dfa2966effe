import CLinux
import Linux
import Plan

/// Leaves port 53 to the container's own programs, as Docker does with its name server at 127.0.0.11: ours is at another port
/// of that address, and the kernel leads to it whoever asks at port 53.
///
/// Programs of kind `BPF_PROG_TYPE_CGROUP_SOCK_ADDR`, at the root of the control groups, change the port in connect(2),
/// sendmsg(2) and recvmsg(2), so that answers come from port 53 again (bpf(2)).
enum NameServerPort {
    /// Beyond the ports that the kernel gives by itself (ip(7), ip_local_port_range).
    private static let ours: UInt16 = 61_053

    /// enum bpf_attach_type: connect, sendmsg, recvmsg and getpeername; `in` ask, `out` are told an address.
    private static let hooks4: (in: [UInt32], out: [UInt32]) = ([10, 14], [19, 29])
    private static let hooks6: (in: [UInt32], out: [UInt32]) = ([11, 15], [20, 30])

    /// The port to listen at: 53 itself on a kernel without these programs.
    static func lead(to servers: [IPAddress]) -> UInt16 {
        do {
            let root = try Descriptor(owning: check(linux_cgroup_root(), "fsmount", on: "cgroup2"), name: "cgroup2")
            let families = [
                (hooks4, servers.filter { $0.bytes.count == 4 }.map { words(of: $0).suffix(1) }),
                // An IPv4 address as a socket of IPv6 has it, too (ipv6(7)).
                (hooks6, servers.map { words(of: $0)[...] }),
            ]
            // First those that do nothing without the others: a kernel may not have all.
            for (hooks, matches) in families {
                for kind in hooks.out { try attach(program(matches, from: ours, to: 53), kind, to: root) }
            }
            for (hooks, matches) in families {
                for kind in hooks.in { try attach(program(matches, from: 53, to: ours), kind, to: root) }
            }
            return ours
        } catch {
            Console.print("\(error); port 53 of the container's name servers' addresses is ours")
            return 53
        }
    }

    private static func attach(_ program: [UInt64], _ kind: UInt32, to root: borrowing Descriptor) throws {
        try check(linux_bpf_attach(root.raw, kind, program, UInt32(program.count)), "bpf", on: "cgroup2")
    }

    /// The address as the four words that an IPv6 socket has, in the order of memory.
    private static func words(of address: IPAddress) -> [UInt32] {
        let bytes =
            address.bytes.count == 4 ? [UInt8](repeating: 0, count: 10) + [255, 255] + address.bytes : address.bytes
        return stride(from: 0, to: 16, by: 4).map { start in
            bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// Changes the port where address and port are these. struct bpf_sock_addr: user_ip4 at 4, user_ip6 at 8, user_port at 24.
    private static func program(_ addresses: [ArraySlice<UInt32>], from: UInt16, to: UInt16) -> [UInt64] {
        var code: [UInt64] = []
        for words in addresses {
            let start: UInt64 = words.count == 1 ? 4 : 8
            var conditions: [(offset: UInt64, value: UInt32)] = [(24, UInt32(from.bigEndian))]
            for (index, word) in words.enumerated() { conditions.append((start + UInt64(index) * 4, word)) }
            for (index, condition) in conditions.enumerated() {
                let rest = UInt64((conditions.count - index - 1) * 2 + 4)
                code.append(0x1261 | condition.offset << 16)  // r2 = *(u32 *)(r1 + offset)
                code.append(0x0256 | rest << 16 | UInt64(condition.value) << 32)  // if w2 != value goto next
            }
            code.append(0x03b4 | UInt64(to.bigEndian) << 32)  // w3 = to
            code.append(0x3163 | 24 << 16)  // *(u32 *)(r1 + 24) = r3
            code += end
        }
        return code + end
    }

    /// r0 = 1, go on; exit.
    private static let end: [UInt64] = [0x00b7 | 1 << 32, 0x95]
}
