"""Rank tables: which devices of which servers train, and which rank each of them is.

Two templates are read. Template 1, which CANN recommends, has servers, their devices and the rank
of each; template 2, which ModelArts gives, has groups of instances (pods) and their devices. Ranks
of a template 2 are numbered as ModelArts numbers them: by the number at the end of the pod's name,
then in the order of its devices.

Standard library only. Source: CANN TensorFlow 1.15 Model Porting Guide, "Preparing the ranktable
resource configuration file"; ModelArts' converter of template 2.
"""

import collections
import ipaddress
import json
import os
import re

COMPLETED = "completed"
_OF_MODELARTS = "jobstart_hccl.json"
DEVICES = 8  # of a server with Ascend 910
_SERVER_ID = 63  # letters at most

# One device. rank, device: int; server, ip, pod: texts, of which the ip is empty
# where the table has none, and the pod in template 1.
Rank = collections.namedtuple("Rank", "rank server device ip pod")
# A table as it is read. template: 1 or 2; ranks: of Rank, by their number; problems: texts, each
# with its place in the file; status: what the table says of itself.
Table = collections.namedtuple("Table", "template ranks problems status")


def file_of(path):
    """The file that RANK_TABLE_FILE names: itself, or the one in ModelArts' folder."""
    return os.path.join(path, _OF_MODELARTS) if os.path.isdir(path) else path


def read_table(path):
    """The ranks of a table of either template, by their number.

    Args:
        path: a file, or the folder in which ModelArts puts its own.

    Returns:
        A list of Rank.

    Raises:
        ValueError: it cannot be read, or something in it is wrong; with file and place.
    """
    table = load(path)
    if table.problems:
        raise ValueError("%s: %s" % (file_of(path), table.problems[0]))
    return table.ranks


def load(path):
    """A table and all that is wrong with it; see parse.

    Raises:
        ValueError: there is no such file, or it cannot be read.
    """
    try:
        with open(file_of(path), "rb") as file:
            return parse(file.read())
    except OSError as error:
        raise ValueError("%s: %s" % (file_of(path), error.strerror)) from None


def parse(data):
    """Reads the bytes of a table.

    Returns:
        A Table. Where it has problems its ranks are those that could be read.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        return Table(0, [], ["not UTF-8: %s" % error], "")
    except json.JSONDecodeError as error:
        text = "line %d, column %d: not JSON: %s" % (error.lineno, error.colno, error.msg)
        return Table(0, [], [text], "")
    except (ValueError, RecursionError) as error:
        return Table(0, [], ["not JSON: %s" % error], "")
    if not isinstance(found, dict):
        return Table(0, [], ["expected an object with server_list or group_list"], "")
    reader = _Reader()
    status = reader.text(found, "status", "")
    if status and status != COMPLETED:
        reader.problem("status", "%r: expected %r" % (status, COMPLETED))
    if "server_list" in found:
        template, ranks = 1, _template1(reader, found)
    elif "group_list" in found:
        template, ranks = 2, _template2(reader, found)
    else:
        text = "neither server_list (template 1) nor group_list (template 2) is in it"
        return Table(0, [], [*reader.problems, text], status)
    _compare(reader, ranks)
    ranks = [rank for _, rank in ranks]
    return Table(template, sorted(ranks), reader.problems, status)


def template1(ranks):
    """A table of template 1, as what json.dumps takes.

    Args:
        ranks: of Rank.
    """
    servers = collections.OrderedDict()
    for rank in ranks:
        device = {"device_id": str(rank.device), "rank_id": str(rank.rank)}
        if rank.ip:
            device["device_ip"] = rank.ip
        servers.setdefault(rank.server, []).append(device)
    return {
        "status": COMPLETED,
        "version": "1.0",
        "server_count": str(len(servers)),
        "server_list": [
            {"server_id": server, "device": devices} for server, devices in servers.items()
        ],
    }


def template2(ranks):
    """A table of template 2, in one group; see template1.

    Args:
        ranks: of Rank; a pod's name that is empty becomes one of the server's place.
    """
    pods = collections.OrderedDict()
    for rank in ranks:
        pods.setdefault((rank.pod, rank.server), []).append(rank)
    instances = []
    for number, ((pod, server), members) in enumerate(pods.items()):
        devices = []
        for rank in members:
            device = {"device_id": str(rank.device)}
            if rank.ip:
                device["device_ip"] = rank.ip
            devices.append(device)
        name = pod or "job-%d" % number
        instances.append({"pod_name": name, "server_id": server, "devices": devices})
    group = {
        "group_name": "job",
        "instance_count": str(len(instances)),
        "device_count": str(len(ranks)),
        "instance_list": instances,
    }
    return {"status": COMPLETED, "group_count": "1", "group_list": [group]}


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError("%r stands twice in one object" % max(names, key=names.count))
    return found


class _Reader:
    """Takes values out of what json gave, and keeps what is wrong with them."""

    def __init__(self):
        self.problems = []

    def problem(self, place, text):
        self.problems.append("%s: %s" % (place, text))

    def text(self, holder, key, place, required=True):
        """A value that is a text; empty where it is missing or another."""
        where = "%s.%s" % (place, key) if place else key
        if key not in holder:
            if required:
                self.problem(where, "missing")
            return ""
        value = holder[key]
        if not isinstance(value, str):
            self.problem(where, "%s: expected a text in quotes" % json.dumps(value))
            return ""
        if required and not value:
            self.problem(where, "empty")
        return value

    def number(self, holder, key, place, least=0):
        """A value that is a whole number, in quotes as all values are; None where it is none."""
        text = self.text(holder, key, place)
        if re.match(r"(?:0|[1-9][0-9]{0,5})$", text) and int(text) >= least:
            return int(text)
        if text:
            where = "%s.%s" % (place, key) if place else key
            self.problem(where, "%r: expected a whole number from %d" % (text, least))
        return None

    def items(self, holder, key, place):
        """The objects of a list, each with its place; at least one."""
        where = "%s.%s" % (place, key) if place else key
        found = holder.get(key)
        if not isinstance(found, list) or not found:
            self.problem(where, "expected a list with something in it")
            return []
        objects = []
        for number, item in enumerate(found):
            if isinstance(item, dict):
                objects.append(("%s[%d]" % (where, number), item))
            else:
                self.problem("%s[%d]" % (where, number), "expected an object")
        return objects

    def count(self, holder, key, place, there, what):
        number = self.number(holder, key, place)
        if number is not None and number != there:
            where = "%s.%s" % (place, key) if place else key
            self.problem(where, "%d, but %d %s are in the table" % (number, there, what))

    def device(self, holder, place):
        """Number and address of a device."""
        number = self.number(holder, "device_id", place)
        if number is not None and number >= DEVICES:
            text = "%d: a server has devices 0 to %d" % (number, DEVICES - 1)
            self.problem("%s.device_id" % place, text)
        address = self.text(holder, "device_ip", place, required=False)
        if address and not _is_address(address):
            self.problem("%s.device_ip" % place, "%r is no IPv4 or IPv6 address" % address)
        return number, address

    def server(self, holder, place):
        name = self.text(holder, "server_id", place)
        if len(name) > _SERVER_ID:
            self.problem("%s.server_id" % place, "longer than %d letters" % _SERVER_ID)
        return name


def _template1(reader, found):
    version = reader.text(found, "version", "")
    if version and version != "1.0":
        reader.problem("version", "%r: expected '1.0'" % version)
    servers = reader.items(found, "server_list", "")
    reader.count(found, "server_count", "", len(servers), "servers")
    names = {}
    ranks = []
    for place, server in servers:
        name = reader.server(server, place)
        if name and name in names:
            reader.problem("%s.server_id" % place, "%r is that of %s, too" % (name, names[name]))
        names.setdefault(name, place)
        for where, device in reader.items(server, "device", place):
            number, address = reader.device(device, where)
            rank = reader.number(device, "rank_id", where)
            if number is not None and rank is not None:
                ranks.append((where, Rank(rank, name, number, address, "")))
    return ranks


def _template2(reader, found):
    groups = reader.items(found, "group_list", "")
    reader.count(found, "group_count", "", len(groups), "groups")
    ranks = []
    names = {}
    for place, group in groups:
        reader.text(group, "group_name", place, required=False)
        instances = reader.items(group, "instance_list", place)
        reader.count(group, "instance_count", place, len(instances), "instances")
        devices = 0
        for where, instance in sorted(instances, key=_by_pod):
            server = reader.server(instance, where)
            pod = reader.text(instance, "pod_name", where)
            if pod and pod in names:
                reader.problem("%s.pod_name" % where, "%r is that of %s, too" % (pod, names[pod]))
            names.setdefault(pod, where)
            for inside, device in reader.items(instance, "devices", where):
                devices += 1
                number, address = reader.device(device, inside)
                if number is not None:
                    ranks.append((inside, Rank(len(ranks), server, number, address, pod)))
        reader.count(group, "device_count", place, devices, "devices")
    return ranks


def _by_pod(found):
    """ModelArts sorts by the number at the end of a pod's name; others come in their order."""
    number = re.search(r"([0-9]+)$", str(found[1].get("pod_name", "")))
    return int(number.group(1)) if number else -1


def _compare(reader, ranks):
    """Looks for what no device or rank may share with another, or lack."""
    unique = (
        ("rank_id", lambda rank: rank.rank),
        ("device_id", lambda rank: (rank.server, rank.device)),
        ("device_ip", lambda rank: rank.ip or None),
    )
    for key, value_of in unique:
        places = {}
        for place, rank in ranks:
            value = value_of(rank)
            if value in places and value is not None:
                shown = value[1] if isinstance(value, tuple) else value
                text = "%s is that of %s, too" % (shown, places[value])
                reader.problem("%s.%s" % (place, key), text)
            places.setdefault(value, place)
    numbers = {rank.rank for _, rank in ranks}
    missing = sorted(set(range(len(ranks))) - numbers)
    if missing and len(numbers) == len(ranks):
        text = "no device is rank %d; ranks go from 0 to %d" % (missing[0], len(ranks) - 1)
        reader.problem("rank_id", text)
    if len({rank.server for _, rank in ranks}) > 1:
        for place, rank in ranks:
            if not rank.ip:
                reader.problem("%s.device_ip" % place, "missing: several servers need it")


def _is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
