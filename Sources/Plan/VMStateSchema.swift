/// The schema of `VMState`, with the keys of all verbs.
extension JSONSchema {
    static let vmStateBody = """
          "type": "object",
          "required": ["version", "container", "network"],
          "properties": {
            "version": {"const": \(VMState.version)},
            "container": {"description": "by net-plan", "$ref": "#/$defs/container"},
            "network": {"description": "by net-plan", "$ref": "#/$defs/network"},
            "taps": {"description": "by tap-create", "type": "array", "items": {"$ref": "#/$defs/tap"}},
            "bridges": {"description": "by bridge-alias", "type": "array", "items": {"$ref": "#/$defs/bridge"}},
            "nat": {"description": "by nat-enable, in host mode", "$ref": "#/$defs/nat"},
            "machine": {"description": "by fc-config", "$ref": "#/$defs/machine"}
          }
        """

    static let vmStateTypes = """
            "container": {
              "type": "object",
              "required": ["id"],
              "properties": {
                "id": {"$ref": "#/$defs/containerID"},
                "pid": {"type": "integer"},
                "bundle": {"description": "the OCI bundle's folder", "type": "string"},
                "netns": {"description": "/proc/PID/ns/net or /run/netns/NAME", "type": "string"},
                "netnsInode": {"type": "integer", "minimum": 0}
              }
            },
            "network": {
              "type": "object",
              "required": ["mode", "nics", "dns", "warnings"],
              "properties": {
                "mode": {"enum": ["bridge", "host", "none"]},
                "nics": {"type": "array", "items": {"$ref": "#/$defs/nic"}},
                "dns": {
                  "type": "object",
                  "required": ["relay"],
                  "properties": {
                    "resolvConf": {"description": "the container's /etc/resolv.conf", "type": "string"},
                    "relay": {
                      "description": "the loopback servers in it, asked from the container's namespace",
                      "type": "array",
                      "items": {"$ref": "#/$defs/ip"}
                    }
                  }
                },
                "host": {"$ref": "#/$defs/host"},
                "warnings": {"type": "array", "items": {"type": "string"}}
              },
              "if": {"properties": {"mode": {"const": "host"}}},
              "then": {"required": ["host"]}
            },
            "nic": {
              "description": "one network interface of the guest",
              "type": "object",
              "required": ["name", "tap", "guestMAC", "mtu", "attach", "addresses", "routes"],
              "properties": {
                "name": {"$ref": "#/$defs/linkName"},
                "tap": {"$ref": "#/$defs/linkName"},
                "guestMAC": {"description": "the container's own", "$ref": "#/$defs/mac"},
                "mtu": {"$ref": "#/$defs/mtu"},
                "arp": {"description": "false: it neither asks nor answers by ARP and NDP", "type": "boolean"},
                "attach": {"$ref": "#/$defs/attach"},
                "addresses": {"type": "array", "items": {"$ref": "#/$defs/prefix"}},
                "noPrefixRoute": {
                  "description": "those of the addresses to whose network the kernel shall make no route",
                  "type": "array",
                  "items": {"$ref": "#/$defs/prefix"}
                },
                "routes": {"type": "array", "items": {"$ref": "#/$defs/route"}},
                "routeProtocols": {
                  "description": "who made each of the routes, as in static, dhcp; absent: boot made all",
                  "type": "array",
                  "items": {"type": "string"}
                },
                "neighbors": {
                  "description": "the container's permanent neighbours",
                  "type": "array",
                  "items": {
                    "type": "object",
                    "required": ["ip", "mac"],
                    "properties": {"ip": {"$ref": "#/$defs/ip"}, "mac": {"$ref": "#/$defs/mac"}}
                  }
                },
                "alias": {"description": "the namespace's own address on the bridge", "$ref": "#/$defs/prefix"},
                "aliasOmitted": {"description": "why there is none", "type": "string"}
              }
            },
            "attach": {
              "description": "how the tap is joined to the container's interface",
              "type": "object",
              "required": ["model"],
              "properties": {
                "model": {"enum": ["bridge", "tc", "nat"]},
                "bridge": {"$ref": "#/$defs/linkName"},
                "port": {"description": "the container's interface", "$ref": "#/$defs/linkName"},
                "portMAC": {"description": "what it gets in exchange for its own", "$ref": "#/$defs/mac"}
              },
              "allOf": [
                {
                  "if": {"properties": {"model": {"const": "bridge"}}},
                  "then": {"required": ["bridge", "port", "portMAC"]}
                },
                {"if": {"properties": {"model": {"const": "tc"}}}, "then": {"required": ["port"]}}
              ]
            },
            "route": {
              "type": "object",
              "required": ["to"],
              "properties": {
                "to": {
                  "description": "default or a network",
                  "anyOf": [{"const": "default"}, {"$ref": "#/$defs/prefix"}]
                },
                "via": {"$ref": "#/$defs/ip"},
                "metric": {"$ref": "#/$defs/uint32"},
                "scope": {"description": "link, or the kernel's own choice", "type": "string"},
                "onlink": {"type": "boolean"},
                "source": {"$ref": "#/$defs/ip"},
                "mtu": {"description": "of the packets that take it", "$ref": "#/$defs/bytes"},
                "advmss": {"description": "the largest TCP segment that is announced", "$ref": "#/$defs/bytes"},
                "weight": {"$ref": "#/$defs/weight"},
                "family": {
                  "description": "6 only where neither to nor via shows it; 4 for an IPv4 default route via IPv6",
                  "type": "integer"
                }
              }
            },
            "host": {
              "description": "host mode: a tap in the host's namespace behind masquerade",
              "type": "object",
              "required": ["tap", "gateway", "guest", "firewall"],
              "properties": {
                "tap": {"$ref": "#/$defs/linkName"},
                "gateway": {"$ref": "#/$defs/prefix"},
                "guest": {"$ref": "#/$defs/prefix"},
                "uplink": {"$ref": "#/$defs/linkName"},
                "firewall": {"enum": ["iptables-nft", "iptables-legacy", "nft"]},
                "ports": {"type": "array", "items": {"$ref": "#/$defs/hostPort"}}
              }
            },
            "tap": {
              "type": "object",
              "required": ["name", "mtu", "owner"],
              "properties": {
                "name": {"$ref": "#/$defs/linkName"},
                "mtu": {"$ref": "#/$defs/mtu"},
                "owner": {"description": "the user id that may open it", "$ref": "#/$defs/uint32"}
              }
            },
            "bridge": {
              "description": "interface and tap joined, as ports of a bridge or by filters",
              "type": "object",
              "required": ["ports"],
              "properties": {
                "name": {"$ref": "#/$defs/linkName"},
                "mac": {"$ref": "#/$defs/mac"},
                "classifier": {"enum": ["u32", "matchall"]},
                "ports": {"type": "array", "items": {"$ref": "#/$defs/linkName"}},
                "alias": {"$ref": "#/$defs/prefix"},
                "wayOut": {
                  "description": "for the name queries of the container's namespace",
                  "type": "object",
                  "required": ["address", "ports"],
                  "properties": {
                    "gateway": {"$ref": "#/$defs/ip"},
                    "mac": {"$ref": "#/$defs/mac"},
                    "address": {"$ref": "#/$defs/ip"},
                    "ports": {"type": "string", "pattern": "^[0-9]+-[0-9]+$"}
                  }
                }
              }
            },
            "nat": {
              "type": "object",
              "required": ["comment", "firewall", "forwardChains", "setIPForward"],
              "properties": {
                "comment": {"description": "of every rule", "type": "string", "pattern": "^runcvm:"},
                "firewall": {"enum": ["iptables-nft", "iptables-legacy", "nft"]},
                "forwardChains": {"type": "array", "items": {"type": "string"}},
                "setIPForward": {"type": "boolean"}
              }
            },
            "machine": {
              "type": "object",
              "required": ["id", "vcpus", "memory", "config", "firecracker", "directory", "terminal"],
              "properties": {
                "id": {"type": "string", "pattern": "^[0-9A-Za-z-]{1,64}$"},
                "vcpus": {"type": "integer", "minimum": 1, "maximum": 32},
                "memory": {"description": "in MiB", "type": "integer", "minimum": 1},
                "config": {"description": "Firecracker's configuration file", "type": "string"},
                "firecracker": {"description": "the program", "type": "string"},
                "directory": {"description": "for sockets and the console's log", "type": "string"},
                "terminal": {"type": "boolean"},
                "relay": {"type": "array", "items": {"$ref": "#/$defs/ip"}}
              }
            }
        """
}
