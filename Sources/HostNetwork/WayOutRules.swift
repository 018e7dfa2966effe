import Glibc
import Netlink
import Plan

/// What the way out is made of: routes, policy rules (ip-rule(8)) and tables of nftables (nft(8)).
extension WayOut {
    /// The routing table of name queries, and the priority of the rules that lead there: before the main table's.
    private static let table: UInt32 = 53
    private static let priority: UInt32 = 53
    private static let domain: UInt16 = 53
    private static let transports = [IPPROTO_UDP, IPPROTO_TCP].map { UInt8($0) }

    var policy: [PolicyRule] {
        // ip rule add ipproto udp dport 53 lookup 53 priority 53
        Self.transports.map {
            PolicyRule(
                isIPv6: false, table: Self.table, priority: Self.priority, transport: $0, destinationPort: Self.domain)
        }
    }

    func routes(_ bridge: Link) -> [LinkRoute] {
        // ip route add ADDRESS dev BRIDGE src SOURCE table 53: the VM itself is next door.
        // ip route add default via GATEWAY dev BRIDGE onlink src SOURCE table 53
        [
            LinkRoute(
                isIPv6: false, destination: address.bytes, prefixLength: 32, link: bridge.index, source: source.bytes,
                table: Self.table),
            LinkRoute(
                isIPv6: false, gateway: gateway.bytes, link: bridge.index, onlink: true, source: source.bytes,
                table: Self.table),
        ]
    }

    /// The host's MAC and `host` are both needed: the first makes the bridge keep the frame, the second the IP layer.
    var rules: String {
        """
        add table ip \(Nft.table)
        delete table ip \(Nft.table)
        table ip \(Nft.table) {
            chain postrouting {
                type nat hook postrouting priority 100; policy accept;
                oifname "\(nic.bridge)" ip saddr \(source) ip daddr != \(address) meta l4proto { tcp, udp } \
        th dport \(Self.domain) snat to \(address):\(WayOutPorts.text)
            }
        }
        add table bridge \(Nft.table)
        delete table bridge \(Nft.table)
        table bridge \(Nft.table) {
            chain prerouting {
                type filter hook prerouting priority -300; policy accept;
                iifname "\(nic.port)" ether type ip ip daddr \(address) meta l4proto { tcp, udp } \
        th sport \(Self.domain) th dport \(WayOutPorts.text) meta pkttype set host ether daddr set \(nic.bridgeMAC)
            }
        }

        """
    }
}
