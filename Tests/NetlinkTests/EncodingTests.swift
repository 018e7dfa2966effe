import Testing

@testable import Netlink

/// Requests as the bytes that ip(8) and bridge(8) send for the same (little endian).
@Suite struct EncodingTests {
    private let eth0 = Link(index: 7, name: "eth0")

    private func expect(
        _ request: NetlinkRequest, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(request.encoded(sequence: 1) == hex(text), sourceLocation: sourceLocation)
    }

    @Test("raising a link changes only IFF_UP")
    func up() {
        expect(
            .setUp(eth0),
            """
            20 00 00 00  13 00  05 00  01 00 00 00  00 00 00 00  # 32 bytes, RTM_SETLINK, REQUEST|ACK, sequence 1, port 0
            00 00 00 00  07 00 00 00  01 00 00 00  01 00 00 00   # AF_UNSPEC, index 7, flags IFF_UP, change IFF_UP
            """)
        #expect(NetlinkRequest.setDown(eth0).encoded(sequence: 1)[24...] == [0, 0, 0, 0, 1, 0, 0, 0])
        #expect(NetlinkRequest.setARP(eth0, false).encoded(sequence: 1)[24...] == [0x80, 0, 0, 0, 0x80, 0, 0, 0])
    }

    @Test("a bridge has its MAC and forwards at once")
    func bridge() {
        expect(
            .createBridge("br-eth0", mac: [2, 1, 2, 3, 4, 5], mtu: 1400),
            """
            6c 00 00 00  10 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWLINK, REQUEST|ACK|EXCL|CREATE
            00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00
            0c 00 03 00  62 72 2d 65 74 68 30 00                 # IFLA_IFNAME "br-eth0"
            0a 00 01 00  02 01 02 03 04 05 00 00                 # IFLA_ADDRESS
            08 00 04 00  78 05 00 00                             # IFLA_MTU 1400
            2c 00 12 00                                          # IFLA_LINKINFO
            0b 00 01 00  62 72 69 64 67 65 00 00                 #   IFLA_INFO_KIND "bridge"
            1c 00 02 00                                          #   IFLA_INFO_DATA
            08 00 01 00  00 00 00 00                             #     IFLA_BR_FORWARD_DELAY 0
            08 00 05 00  00 00 00 00                             #     IFLA_BR_STP_STATE 0
            05 00 17 00  00 00 00 00                             #     IFLA_BR_MCAST_SNOOPING 0
            """)
    }

    @Test("a veth's peer is made in another namespace")
    func veth() {
        expect(
            .createVeth("a", peer: "b", peerNamespace: 9),
            """
            60 00 00 00  10 00  05 06  01 00 00 00  00 00 00 00
            00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00
            06 00 03 00  61 00 00 00                             # IFLA_IFNAME "a"
            38 00 12 00                                          # IFLA_LINKINFO
            09 00 01 00  76 65 74 68 00 00 00 00                 #   IFLA_INFO_KIND "veth"
            28 00 02 00                                          #   IFLA_INFO_DATA
            24 00 01 00                                          #     VETH_INFO_PEER: struct ifinfomsg, attributes
            00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00
            06 00 03 00  62 00 00 00                             #       IFLA_IFNAME "b"
            08 00 1c 00  09 00 00 00                             #       IFLA_NET_NS_FD 9
            """)
    }

    @Test("an IPv4 address has its broadcast, an IPv6 address no duplicate detection")
    func addresses() {
        let four = LinkAddress(link: 7, address: [10, 0, 0, 2], prefixLength: 24, broadcast: [10, 0, 0, 255])
        expect(
            .ensureAddress(four, on: eth0),
            """
            30 00 00 00  14 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWADDR, CREATE|EXCL
            02 18 00 00  07 00 00 00                             # AF_INET, /24, scope universe, index 7
            08 00 02 00  0a 00 00 02                             # IFA_LOCAL
            08 00 01 00  0a 00 00 02                             # IFA_ADDRESS
            08 00 04 00  0a 00 00 ff                             # IFA_BROADCAST
            """)
        let six = LinkAddress(
            link: 7, address: hex("20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02"), prefixLength: 64,
            flags: LinkAddress.noDAD | LinkAddress.permanent)
        expect(
            .createAddress(six, on: eth0),
            """
            48 00 00 00  14 00  05 06  01 00 00 00  00 00 00 00
            0a 40 00 00  07 00 00 00                             # AF_INET6, /64
            14 00 02 00  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
            14 00 01 00  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
            08 00 08 00  02 00 00 00                             # IFA_FLAGS IFA_F_NODAD
            """)
    }

    @Test("a route has gateway, link, metric, source, onlink")
    func routes() {
        let route = LinkRoute(
            isIPv6: false, gateway: [10, 0, 0, 1], link: 7, metric: 100, onlink: true, source: [10, 0, 0, 2])
        expect(
            .createRoute(route),
            """
            44 00 00 00  18 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWROUTE, CREATE|EXCL
            02 00 00 00  fe 03 00 01  04 00 00 00                # AF_INET, default, main, boot, universe, unicast, ONLINK
            08 00 05 00  0a 00 00 01                             # RTA_GATEWAY
            08 00 04 00  07 00 00 00                             # RTA_OIF 7
            08 00 06 00  64 00 00 00                             # RTA_PRIORITY 100
            08 00 07 00  0a 00 00 02                             # RTA_PREFSRC
            08 00 0f 00  fe 00 00 00                             # RTA_TABLE main
            """)
        expect(
            .deleteRoute(
                LinkRoute(isIPv6: false, destination: [10, 8, 0, 0], prefixLength: 16, link: 7, table: 1000)),
            """
            34 00 00 00  19 00  05 00  01 00 00 00  00 00 00 00  # RTM_DELROUTE
            02 10 00 00  00 00 ff 00  00 00 00 00                # AF_INET, /16, RT_SCOPE_NOWHERE
            08 00 01 00  0a 08 00 00                             # RTA_DST
            08 00 04 00  07 00 00 00                             # RTA_OIF 7
            08 00 0f 00  e8 03 00 00                             # RTA_TABLE 1000
            """)
    }

    @Test("a route without a gateway has scope link, and an IPv6 gateway of an IPv4 route is RTA_VIA")
    func scopeAndVia() {
        let link = LinkRoute(isIPv6: false, destination: [10, 8, 0, 0], prefixLength: 16, link: 7)
        #expect(NetlinkRequest.createRoute(link).encoded(sequence: 1)[22] == LinkRoute.scopeLink)
        let gateway = hex("fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 01")
        let via = NetlinkRequest.createRoute(LinkRoute(isIPv6: false, gateway: gateway, link: 7))
        #expect(via.encoded(sequence: 1)[28..<50] == (hex("16 00 12 00 0a 00") + gateway)[...])
    }

    @Test("each next hop has its own length, flags and weight")
    func nextHops() {
        let hops = [
            LinkRoute.NextHop(gateway: [10, 0, 0, 1], link: 4, weight: 2),
            LinkRoute.NextHop(gateway: [10, 0, 0, 3], link: 5, onlink: true),
        ]
        let request = NetlinkRequest.appendRoute(LinkRoute(isIPv6: false, link: nil, metric: 5, nextHops: hops))
        expect(
            request,
            """
            50 00 00 00  18 00  05 0c  01 00 00 00  00 00 00 00  # RTM_NEWROUTE, CREATE|APPEND
            02 00 00 00  fe 03 00 01  00 00 00 00                # AF_INET, default, main, boot, universe, unicast
            24 00 09 00                                          # RTA_MULTIPATH
            10 00 00 01  04 00 00 00  08 00 05 00  0a 00 00 01   #   index 4, weight 2, RTA_GATEWAY
            10 00 04 00  05 00 00 00  08 00 05 00  0a 00 00 03   #   index 5, ONLINK
            08 00 06 00  05 00 00 00                             # RTA_PRIORITY 5
            08 00 0f 00  fe 00 00 00                             # RTA_TABLE main
            """)
    }

    @Test("rules, neighbours and forwarding entries")
    func others() {
        expect(
            .createRule(
                PolicyRule(isIPv6: false, source: [10, 0, 0, 2], prefixLength: 32, table: 1001, priority: 99)),
            """
            34 00 00 00  20 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWRULE, CREATE|EXCL
            02 00 20 00  00 00 00 01  00 00 00 00                # AF_INET, from /32, FR_ACT_TO_TBL
            08 00 02 00  0a 00 00 02                             # FRA_SRC
            08 00 06 00  63 00 00 00                             # FRA_PRIORITY 99
            08 00 0f 00  e9 03 00 00                             # FRA_TABLE 1001
            """)
        expect(
            .ensureNeighbor([10, 0, 0, 9], mac: [2, 0, 0, 0, 0, 9], on: eth0),
            """
            30 00 00 00  1c 00  05 05  01 00 00 00  00 00 00 00  # RTM_NEWNEIGH, CREATE|REPLACE
            02 00 00 00  07 00 00 00  80 00 00 00                # AF_INET, index 7, NUD_PERMANENT
            08 00 01 00  0a 00 00 09                             # NDA_DST
            0a 00 02 00  02 00 00 00 00 09 00 00                 # NDA_LLADDR
            """)
        expect(
            .ensureForwarding([2, 0, 0, 0, 0, 9], port: eth0),
            """
            28 00 00 00  1c 00  05 05  01 00 00 00  00 00 00 00
            07 00 00 00  07 00 00 00  40 00 44 00                # AF_BRIDGE, index 7, NUD_NOARP, NTF_MASTER|STICKY
            0a 00 02 00  02 00 00 00 00 09 00 00                 # NDA_LLADDR
            """)
        expect(
            .setLearning(eth0, false),
            """
            2c 00 00 00  13 00  05 00  01 00 00 00  00 00 00 00  # RTM_SETLINK
            07 00 00 00  07 00 00 00  00 00 00 00  00 00 00 00   # AF_BRIDGE, index 7
            0c 00 0c 80                                          # IFLA_PROTINFO, nested
            05 00 08 00  00 00 00 00                             # IFLA_BRPORT_LEARNING
            """)
    }

    @Test("a route lookup names the whole address and asks for no table")
    func routeLookup() {
        let body = """
            02 20 00 00  00 00 00 00  00 00 00 00                # AF_INET, to /32
            08 00 01 00  01 01 01 01                             # RTA_DST
            """
        #expect(MessageWriter.routeLookup([1, 1, 1, 1]).bytes == hex(body))
    }

    @Test("an attribute too long for its length is not sent")
    func tooLong() {
        let request = NetlinkRequest.rename(eth0, to: String(repeating: "x", count: 70000))
        #expect(request.body.isTooLong)
    }

    @Test("a rule for a port of a transport")
    func portRule() {
        expect(
            .createRule(
                PolicyRule(isIPv6: false, table: 53, priority: 53, transport: 17, destinationPort: 53)),
            """
            3c 00 00 00  20 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWRULE, REQUEST|ACK|EXCL|CREATE
            02 00 00 00  35 00 00 01  00 00 00 00                # AF_INET, table 53, FR_ACT_TO_TBL
            08 00 06 00  35 00 00 00                             # FRA_PRIORITY 53
            08 00 0f 00  35 00 00 00                             # FRA_TABLE 53
            05 00 16 00  11 00 00 00                             # FRA_IP_PROTO UDP
            08 00 18 00  35 00 35 00                             # FRA_DPORT_RANGE 53-53
            """)
    }

    @Test("asking for a neighbour is a use of an entry without a state")
    func askNeighbor() {
        expect(
            .askNeighbor([172, 17, 0, 1], on: eth0),
            """
            24 00 00 00  1c 00  05 05  01 00 00 00  00 00 00 00  # RTM_NEWNEIGH, REQUEST|ACK|CREATE|REPLACE
            02 00 00 00  07 00 00 00  00 00 01 00                # AF_INET, index 7, NUD_NONE, NTF_USE
            08 00 01 00  ac 11 00 01                             # NDA_DST 172.17.0.1
            """)
    }

    @Test("an ingress qdisc, and a filter that redirects every frame")
    func redirect() {
        expect(
            .ensureIngress(eth0),
            """
            30 00 00 00  24 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWQDISC, REQUEST|ACK|EXCL|CREATE
            00 00 00 00  07 00 00 00  00 00 ff ff  f1 ff ff ff   # index 7, handle ffff:, parent TC_H_INGRESS
            00 00 00 00
            0c 00 01 00  69 6e 67 72 65 73 73 00                 # TCA_KIND "ingress"
            """)
        let mirred = """
            34 00 01 00                                          #     the first action
            0b 00 01 00  6d 69 72 72 65 64 00 00                 #       TCA_ACT_KIND "mirred"
            24 00 02 00                                          #       TCA_ACT_OPTIONS
            20 00 02 00  00 00 00 00  00 00 00 00                #         TCA_MIRRED_PARMS: index, capab
            04 00 00 00  00 00 00 00  00 00 00 00                #           TC_ACT_STOLEN, refcnt, bindcnt
            01 00 00 00  02 00 00 00                             #           TCA_EGRESS_REDIR to index 2
            """
        expect(
            .createFilter(IngressFilter(.matchall, priority: 100, action: .redirect(to: 2)), on: eth0),
            """
            70 00 00 00  2c 00  05 06  01 00 00 00  00 00 00 00  # RTM_NEWTFILTER, REQUEST|ACK|EXCL|CREATE
            00 00 00 00  07 00 00 00  00 00 00 00  f2 ff ff ff   # index 7, the ingress side
            00 03 64 00                                          # ETH_P_ALL, priority 100
            0d 00 01 00  6d 61 74 63 68 61 6c 6c 00 00 00 00     # TCA_KIND "matchall"
            3c 00 02 00                                          # TCA_OPTIONS
            38 00 02 00                                          #   TCA_MATCHALL_ACT
            \(mirred)
            """)
        expect(
            .createFilter(IngressFilter(.u32, priority: 100, action: .redirect(to: 2)), on: eth0),
            """
            8c 00 00 00  2c 00  05 06  01 00 00 00  00 00 00 00
            00 00 00 00  07 00 00 00  00 00 00 00  f2 ff ff ff
            00 03 64 00
            08 00 01 00  75 33 32 00                             # TCA_KIND "u32"
            60 00 02 00                                          # TCA_OPTIONS
            24 00 05 00  01 00 01 00  00 00 00 00  00 00 00 00   #   TCA_U32_SEL: terminal, one key
            00 00 00 00                                          #     no hash mask
            00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00   #     no bit of it matters
            38 00 07 00                                          #   TCA_U32_ACT
            \(mirred)
            """)
    }

    @Test("a filter by what is in the packet, without an action")
    func pass() {
        let match = IngressFilter.Match(offset: 20, mask: 0xffff_fe00, value: 0x0035_f000)
        expect(
            .createFilter(IngressFilter(.u32, priority: 53, type: .ipv4, matches: [match], action: .pass), on: eth0),
            """
            54 00 00 00  2c 00  05 06  01 00 00 00  00 00 00 00
            00 00 00 00  07 00 00 00  00 00 00 00  f2 ff ff ff
            08 00 35 00                                          # ETH_P_IP, priority 53
            08 00 01 00  75 33 32 00
            28 00 02 00
            24 00 05 00  01 00 01 00  00 00 00 00  00 00 00 00
            00 00 00 00
            ff ff fe 00  00 35 f0 00  14 00 00 00  00 00 00 00   # at 20: source port 53, destination port 0xf000-0xf1ff
            """)
        expect(
            .deleteFilters(priority: 53, on: eth0),
            """
            24 00 00 00  2d 00  05 00  01 00 00 00  00 00 00 00  # RTM_DELTFILTER
            00 00 00 00  07 00 00 00  00 00 00 00  f2 ff ff ff
            00 00 35 00                                          # any protocol, priority 53
            """)
    }
}
