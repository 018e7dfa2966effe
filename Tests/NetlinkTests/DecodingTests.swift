import Linux
import Testing

@testable import Netlink

/// Answers as Linux 6.18 gave them; of links only the attributes that are read, and some that are not.
enum Answer {
    static let tap = hex(
        """
        9c 00 00 00  10 00  02 00  07 00 00 00  8b 7a 00 00  # RTM_NEWLINK, NLM_F_MULTI, sequence 7
        00 00 01 00  02 00 00 00  02 10 00 00  00 00 00 00   # ARPHRD_ETHER, index 2, BROADCAST|MULTICAST
        09 00 03 00  74 61 70 30 00 00 00 00                 # IFLA_IFNAME "tap0"
        05 00 10 00  02 00 00 00                             # IFLA_OPERSTATE
        08 00 04 00  dc 05 00 00                             # IFLA_MTU 1500
        08 00 0a 00  09 00 00 00                             # IFLA_MASTER 9
        0a 00 01 00  16 43 5f fb 0a c3 00 00                 # IFLA_ADDRESS
        40 00 12 00                                          # IFLA_LINKINFO
        08 00 01 00  74 75 6e 00                             #   IFLA_INFO_KIND "tun"
        34 00 02 00                                          #   IFLA_INFO_DATA
        05 00 03 00  02 00 00 00  08 00 01 00  05 00 00 00   #     type tap, owner 5
        05 00 04 00  00 00 00 00  05 00 05 00  01 00 00 00   #     no packet information, vnet_hdr
        05 00 06 00  01 00 00 00  05 00 07 00  00 00 00 00   #     persist
        09 00 06 00  6e 6f 6f 70 00 00 00 00                 # IFLA_QDISC "noop"
        """)
    static let address = hex(
        """
        54 00 00 00  14 00  02 00  07 00 00 00  8b 7a 00 00  # RTM_NEWADDR
        02 18 80 00  04 00 00 00                             # AF_INET, /24, permanent, universe, index 4
        08 00 01 00  0a 00 00 02  08 00 02 00  0a 00 00 02   # IFA_ADDRESS, IFA_LOCAL
        08 00 04 00  0a 00 00 ff  07 00 03 00  76 30 00 00   # IFA_BROADCAST, IFA_LABEL "v0"
        08 00 08 00  80 00 00 00                             # IFA_FLAGS permanent
        14 00 06 00  ff ff ff ff ff ff ff ff a6 98 04 00 a6 98 04 00
        """)
    static let address6 = hex(
        """
        48 00 00 00  14 00  02 00  07 00 00 00  8b 7a 00 00
        0a 40 82 00  04 00 00 00                             # AF_INET6, /64
        14 00 01 00  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
        14 00 06 00  ff ff ff ff ff ff ff ff a6 98 04 00 a6 98 04 00
        08 00 08 00  82 00 00 00                             # IFA_FLAGS permanent, nodad
        """)
    static let multipath = hex(
        """
        50 00 00 00  18 00  22 00  07 00 00 00  8b 7a 00 00  # RTM_NEWROUTE
        02 00 00 00  fe 03 00 01  00 00 00 00                # AF_INET, default, main, boot, universe, unicast
        08 00 0f 00  fe 00 00 00  08 00 06 00  05 00 00 00   # RTA_TABLE main, RTA_PRIORITY 5
        24 00 09 00                                          # RTA_MULTIPATH
        10 00 00 01  04 00 00 00  08 00 05 00  0a 00 00 01   #   index 4, weight 2, RTA_GATEWAY
        10 00 00 00  04 00 00 00  08 00 05 00  0a 00 00 03
        """)
    static let onlink = hex(
        """
        44 00 00 00  18 00  22 00  07 00 00 00  8b 7a 00 00
        02 10 00 00  fe 03 00 01  04 00 00 00                # AF_INET, /16, ONLINK
        08 00 0f 00  fe 00 00 00  08 00 01 00  0a 08 00 00   # RTA_TABLE main, RTA_DST
        08 00 07 00  0a 00 00 02  08 00 05 00  0a 00 00 01   # RTA_PREFSRC, RTA_GATEWAY
        08 00 04 00  04 00 00 00                             # RTA_OIF 4
        """)
    static let neighbor = hex(
        """
        4c 00 00 00  1c 00  02 00  07 00 00 00  8b 7a 00 00  # RTM_NEWNEIGH
        02 00 00 00  04 00 00 00  80 00 00 01                # AF_INET, index 4, NUD_PERMANENT
        08 00 01 00  0a 00 00 09                             # NDA_DST
        0a 00 02 00  02 00 00 00 00 09 00 00                 # NDA_LLADDR
        08 00 04 00  00 00 00 00
        14 00 03 00  0f 00 00 00 0f 00 00 00 0f 00 00 00 00 00 00 00
        """)
    static let rule = hex(
        """
        3c 00 00 00  20 00  02 00  07 00 00 00  8b 7a 00 00  # RTM_NEWRULE
        02 00 00 00  fe 00 00 01  00 00 00 00                # AF_INET, from all, lookup
        08 00 0f 00  fe 00 00 00  08 00 0e 00  ff ff ff ff   # FRA_TABLE main
        05 00 15 00  02 00 00 00  08 00 06 00  fe 7f 00 00   # FRA_PRIORITY 32766
        """)
    static let refusal = hex(
        """
        3c 00 00 00  02 00  00 03  09 00 00 00  8b 7a 00 00  # NLMSG_ERROR, NLM_F_CAPPED|NLM_F_ACK_TLVS, sequence 9
        a1 ff ff ff                                          # -EOPNOTSUPP
        34 00 00 00  10 00  05 06  09 00 00 00  00 00 00 00  # the request's header
        18 00 01 00  55 6e 6b 6e 6f 77 6e 20 64 65 76 69 63 65 20 74 79 70 65 00
        """)
    static let matchall = hex(
        """
        fc 00 00 00 2c 00 02 00 07 00 00 00 52 09 00 00                # RTM_NEWTFILTER, NLM_F_MULTI
        00 00 00 00 03 00 00 00 01 00 00 00 f2 ff ff ff                # index 3, handle 1, the ingress side
        00 03 07 00                                                    # ETH_P_ALL, priority 7
        0d 00 01 00 6d 61 74 63 68 61 6c 6c 00 00 00 00                # TCA_KIND "matchall"
        08 00 0b 00 00 00 00 00                                        # TCA_CHAIN
        c0 00 02 00                                                    # TCA_OPTIONS
        08 00 03 00 08 00 00 00                                        #   TCA_MATCHALL_FLAGS
        0c 00 04 00 00 00 00 00 00 00 00 00                            #   TCA_MATCHALL_PCNT
        a8 00 02 00                                                    #   TCA_MATCHALL_ACT
        a4 00 01 00                                                    #     the first action
        0b 00 01 00 6d 69 72 72 65 64 00 00                            #       TCA_ACT_KIND "mirred"
        44 00 04 00                                                    #       TCA_ACT_STATS
        14 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        14 00 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        18 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        08 00 0a 00 00 00 00 00
        48 00 02 00                                                    #       TCA_ACT_OPTIONS
        20 00 02 00 01 00 00 00 00 00 00 00 04 00 00 00 01 00 00 00    #         TCA_MIRRED_PARMS: index 1, TC_ACT_STOLEN
        01 00 00 00 01 00 00 00 02 00 00 00                            #           TCA_EGRESS_REDIR to index 2
        24 00 01 00 c4 05 00 00 00 00 00 00 c4 05 00 00 00 00 00 00    #         TCA_MIRRED_TM
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """)
    static let u32 = hex(
        """
        30 01 00 00 2c 00 02 00 07 00 00 00 52 09 00 00
        00 00 00 00 03 00 00 00 00 08 00 80 f2 ff ff ff                # index 3, handle 800::800
        00 03 08 00                                                    # ETH_P_ALL, priority 8
        08 00 01 00 75 33 32 00                                        # TCA_KIND "u32"
        08 00 0b 00 00 00 00 00
        fc 00 02 00                                                    # TCA_OPTIONS
        24 00 05 00 01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00    #   TCA_U32_SEL
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00                #     the key
        08 00 02 00 00 00 00 80                                        #   TCA_U32_HASH
        08 00 0b 00 08 00 00 00                                        #   TCA_U32_FLAGS
        a8 00 07 00                                                    #   TCA_U32_ACT
        a4 00 01 00                                                    #     the first action
        0b 00 01 00 6d 69 72 72 65 64 00 00                            #       TCA_ACT_KIND "mirred"
        44 00 04 00                                                    #       TCA_ACT_STATS
        14 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        14 00 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        18 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        08 00 0a 00 00 00 00 00
        48 00 02 00                                                    #       TCA_ACT_OPTIONS
        20 00 02 00 02 00 00 00 00 00 00 00 04 00 00 00 01 00 00 00    #         TCA_MIRRED_PARMS: index 2, TC_ACT_STOLEN
        01 00 00 00 01 00 00 00 02 00 00 00                            #           TCA_EGRESS_REDIR to index 2
        24 00 01 00 b7 05 00 00 00 00 00 00 b7 05 00 00 00 00 00 00    #         TCA_MIRRED_TM
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        1c 00 09 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 #   TCA_U32_PCNT
        """)
    static let u32Table = hex(
        """
        40 00 00 00 2c 00 02 00 07 00 00 00 52 09 00 00
        00 00 00 00 03 00 00 00 00 00 00 80 f2 ff ff ff                # handle 800:
        00 03 08 00
        08 00 01 00 75 33 32 00
        08 00 0b 00 00 00 00 00
        0c 00 02 00 08 00 04 00 01 00 00 00                            # TCA_U32_DIVISOR
        """)
    static let all = [tap, address, address6, multipath, onlink, neighbor, rule, refusal, matchall, u32, u32Table]

    /// Reads a datagram with the parser for each message's type.
    static func read(_ bytes: [UInt8]) throws {
        for message in try NetlinkMessage.parse(bytes, subject: "test") { try read(message) }
    }

    static func read(_ message: NetlinkMessage) throws {
        switch message.type {
        case RTM_NEWLINK: _ = try Link(parsing: message.payload)
        case RTM_NEWADDR: _ = try LinkAddress(parsing: message.payload)
        case RTM_NEWROUTE: _ = try LinkRoute(parsing: message.payload, table: LinkRoute.mainTable)
        case RTM_NEWNEIGH: _ = try LinkNeighbor(parsing: message.payload)
        case RTM_NEWTFILTER: _ = try IngressFilter.Summary(parsing: message.payload)
        case RTM_NEWRULE: _ = try PolicyRule(parsing: message.payload)
        default: _ = try message.outcome(subject: "test")
        }
    }
}

@Suite struct DecodingTests {
    private func payload(_ bytes: [UInt8]) throws -> ArraySlice<UInt8> {
        try #require(try NetlinkMessage.parse(bytes, subject: "test").first).payload
    }

    @Test("a tap")
    func tap() throws {
        let tun = TunSettings(isTap: true, owner: 5, vnetHeader: true, persistent: true)
        let wanted = Link(
            index: 2, name: "tap0", kind: "tun", address: [0x16, 0x43, 0x5f, 0xfb, 0x0a, 0xc3], mtu: 1500,
            flags: 0x1002, master: 9, tun: tun)
        #expect(try Link(parsing: payload(Answer.tap)) == wanted)
    }

    @Test("addresses")
    func addresses() throws {
        let four = LinkAddress(
            link: 4, address: [10, 0, 0, 2], prefixLength: 24, broadcast: [10, 0, 0, 255],
            flags: LinkAddress.permanent)
        #expect(try LinkAddress(parsing: payload(Answer.address)) == four)
        let six = try LinkAddress(parsing: payload(Answer.address6))
        #expect(six?.prefixLength == 64)
        #expect(six?.address.prefix(4) == [0x20, 0x01, 0x0d, 0xb8])
        #expect(six?.flags == LinkAddress.permanent | LinkAddress.noDAD)
    }

    @Test("routes, also with several next hops")
    func routes() throws {
        let onlink = LinkRoute(
            isIPv6: false, destination: [10, 8, 0, 0], prefixLength: 16, gateway: [10, 0, 0, 1], link: 4, scope: 0,
            onlink: true, source: [10, 0, 0, 2])
        #expect(try LinkRoute(parsing: payload(Answer.onlink), table: LinkRoute.mainTable) == onlink)
        #expect(try LinkRoute(parsing: payload(Answer.onlink), table: 255) == nil)
        let multipath = try LinkRoute(parsing: payload(Answer.multipath), table: LinkRoute.mainTable)
        #expect(multipath?.isDefault == true)
        #expect(multipath?.metric == 5)
        #expect(multipath?.link == nil)
        #expect(
            multipath?.nextHops == [
                LinkRoute.NextHop(gateway: [10, 0, 0, 1], link: 4, onlink: false, weight: 2),
                LinkRoute.NextHop(gateway: [10, 0, 0, 3], link: 4, onlink: false),
            ])
    }

    @Test("a neighbour and a rule")
    func others() throws {
        let neighbor = LinkNeighbor(link: 4, address: [10, 0, 0, 9], mac: [2, 0, 0, 0, 0, 9])
        #expect(try LinkNeighbor(parsing: payload(Answer.neighbor)) == neighbor)
        let rule = PolicyRule(isIPv6: false, source: [], prefixLength: 0, table: 254, priority: 32766)
        #expect(try PolicyRule(parsing: payload(Answer.rule)) == rule)
    }

    @Test("filters that redirect, by two classifiers; a table of u32 is none")
    func filters() throws {
        #expect(
            try IngressFilter.Summary(parsing: payload(Answer.matchall))
                == IngressFilter.Summary(priority: 7, kind: "matchall", target: 2))
        #expect(
            try IngressFilter.Summary(parsing: payload(Answer.u32))
                == IngressFilter.Summary(priority: 8, kind: "u32", target: 2))
        #expect(try IngressFilter.Summary(parsing: payload(Answer.u32Table)) == nil)
    }

    @Test("a refusal carries the kernel's own sentence")
    func refusal() throws {
        let message = try #require(try NetlinkMessage.parse(Answer.refusal, subject: "test").first)
        let outcome = try #require(try message.outcome(subject: "test"))
        #expect(outcome.errno == .notSupported)
        #expect(outcome.text == "Unknown device type")
        #expect(message.sequence == 9)
    }

    @Test("a datagram cut anywhere is an error, never a crash", arguments: Answer.all)
    func cut(bytes: [UInt8]) {
        for count in 1..<bytes.count {
            #expect(throws: SystemError.self, "\(count) bytes") { try Answer.read([UInt8](bytes[..<count])) }
        }
    }

    @Test("a message that ends anywhere never crashes the parser", arguments: Answer.all)
    func short(bytes: [UInt8]) throws {
        // The header says the shortened length, so that the cut falls into the payload.
        for count in 16..<bytes.count {
            let body = [UInt8](bytes[16..<count])
            let header = NetlinkRequest.message(type: UInt16(bytes[4]), flags: 0x300, sequence: 1, body: body)
            do { try Answer.read(header) } catch is SystemError {}
        }
    }

    @Test("a message with any one byte wrong never crashes the parser", arguments: Answer.all)
    func wrong(bytes: [UInt8]) throws {
        for index in bytes.indices {
            for value: UInt8 in [0, 1, 3, 4, 0x7f, 0x80, 0xff] {
                var copy = bytes
                copy[index] = value
                do { try Answer.read(copy) } catch is SystemError {}
            }
        }
    }
}
