/// The schema of `Facts`.
extension JSONSchema {
    static let factsBody = """
          "type": "object",
          "required": ["links"],
          "properties": {
            "container": {"$ref": "#/$defs/container"},
            "links": {"type": "array", "items": {"$ref": "#/$defs/link"}},
            "routes": {"type": "array", "items": {"$ref": "#/$defs/route"}},
            "neighbors": {"type": "array", "items": {"$ref": "#/$defs/neighbor"}},
            "resolvConf": {"description": "the container's /etc/resolv.conf", "type": "string"},
            "host": {"$ref": "#/$defs/host"}
          }
        """

    static let factsTypes = """
            "container": {
              "type": "object",
              "properties": {
                "id": {"$ref": "#/$defs/containerID"},
                "env": {
                  "description": "NAME=VALUE, of which the RUNCVM_ ones matter",
                  "type": "array",
                  "items": {"type": "string"}
                },
                "capabilities": {
                  "description": "the bounding set, as in CAP_NET_ADMIN",
                  "type": "array",
                  "items": {"type": "string"}
                },
                "hostNetwork": {"description": "the container has no network namespace of its own", "type": "boolean"}
              }
            },
            "link": {
              "description": "a network interface (ip-link(8))",
              "type": "object",
              "required": ["name"],
              "properties": {
                "name": {"$ref": "#/$defs/linkName"},
                "kind": {"description": "as ip -d link says; absent or device for hardware", "type": "string"},
                "mac": {"type": "string"},
                "mtu": {"$ref": "#/$defs/uint32"},
                "addresses": {"type": "array", "items": {"$ref": "#/$defs/prefix"}},
                "master": {"description": "the bridge or bond whose port it is", "type": "string"},
                "arp": {"description": "false: it neither asks nor answers by ARP and NDP", "type": "boolean"},
                "mode": {"description": "an ipvlan's: l2, l3, l3s", "type": "string"},
                "allMulticast": {"description": "true: it takes the frames of every group", "type": "boolean"},
                "noPrefixRoute": {
                  "description": "those of the addresses to whose network the kernel made no route",
                  "type": "array",
                  "items": {"$ref": "#/$defs/prefix"}
                }
              },
              "if": {"$ref": "#/$defs/stub"},
              "else": {
                "properties": {"mtu": {"$ref": "#/$defs/mtu"}, "mac": {"$ref": "#/$defs/mac"}},
                "if": {"required": ["addresses"], "properties": {"addresses": {"minItems": 1}}},
                "then": {
                  "properties": {
                    "mac": {"description": "one interface's", "pattern": "^.[02468ACEace]"},
                    "addresses": {"items": {"not": {"pattern": "^(22[4-9]|23[0-9])[.]|^[Ff]{2}..:|^(0[.]0[.]0[.]0|::)/"}}}
                  },
                  "if": {"required": ["kind"], "properties": {"kind": {"enum": \(list(LinkFact.ethernetKinds))}}},
                  "then": {"required": ["mac"], "properties": {"mac": {"not": {"const": "00:00:00:00:00:00"}}}}
                }
              }
            },
            "stub": {
              "description": "no VM can have a copy of it",
              "anyOf": [
                {"properties": {"name": {"const": "lo"}}},
                {
                  "required": ["kind"],
                  "properties": {
                    "kind": {
                      "enum": \(list(LinkFact.stubKinds))
                    }
                  }
                }
              ]
            },
            "route": {
              "description": "a unicast route of the main table (ip-route(8))",
              "type": "object",
              "required": ["to", "dev"],
              "properties": {
                "family": {"enum": [4, 6]},
                "to": {
                  "description": "default, a network, or one host's address",
                  "anyOf": [{"const": "default"}, {"$ref": "#/$defs/prefix"}, {"$ref": "#/$defs/ip"}]
                },
                "via": {"$ref": "#/$defs/ip"},
                "dev": {"description": "one of the links", "$ref": "#/$defs/linkName"},
                "metric": {"$ref": "#/$defs/uint32"},
                "scope": {"enum": ["link", "global", "host", "site", "universe"]},
                "protocol": {"description": "as in kernel, boot, static, ra, dhcp", "type": "string"},
                "onlink": {"type": "boolean"},
                "source": {"$ref": "#/$defs/ip"},
                "mtu": {"description": "of the packets that take it", "$ref": "#/$defs/bytes"},
                "advmss": {"description": "the largest TCP segment that is announced", "$ref": "#/$defs/bytes"},
                "weight": {"$ref": "#/$defs/weight"},
                "type": {"const": "unicast"},
                "table": {"const": "main"}
              }
            },
            "neighbor": {
              "description": "a permanent neighbour (ip-neighbour(8))",
              "type": "object",
              "required": ["ip", "mac", "dev"],
              "properties": {
                "ip": {"$ref": "#/$defs/ip"},
                "mac": {"$ref": "#/$defs/mac"},
                "dev": {"description": "one of the links", "$ref": "#/$defs/linkName"}
              }
            },
            "host": {
              "description": "the host around the container",
              "type": "object",
              "properties": {
                "ipForward": {"type": "boolean"},
                "ipForwardWritable": {"type": "boolean"},
                "ipv6": {"type": "boolean"},
                "firewall": {"enum": ["iptables-nft", "iptables-legacy", "both", "nft", "none"]},
                "forwardPolicy": {"description": "ACCEPT or DROP", "type": "string"},
                "links": {"type": "array", "items": {"type": "string"}},
                "addresses": {"type": "array", "items": {"$ref": "#/$defs/prefix"}},
                "uplink": {
                  "description": "the interface of the host's default route",
                  "type": "object",
                  "required": ["dev", "mtu"],
                  "properties": {"dev": {"$ref": "#/$defs/linkName"}, "mtu": {"$ref": "#/$defs/mtu"}}
                },
                "reserved": {
                  "description": "what other VMs in host mode have been promised",
                  "type": "array",
                  "items": {"$ref": "#/$defs/reservation"}
                },
                "kept": {"$ref": "#/$defs/reservation"}
              }
            },
            "reservation": {
              "description": "a tap, a /30 and ports of host mode that have an owner",
              "type": "object",
              "required": ["tap", "gateway"],
              "properties": {
                "tap": {"$ref": "#/$defs/linkName"},
                "gateway": {"description": "the host's end of the tap", "$ref": "#/$defs/prefix"},
                "ports": {"type": "array", "items": {"$ref": "#/$defs/hostPort"}}
              }
            }
        """

    private static func list(_ words: Set<String>) -> String {
        "[" + words.sorted().map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    }
}
