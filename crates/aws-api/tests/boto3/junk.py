"""What stands where something else should: values, and the places in a request where they are put."""

JUNK = [None, 0, -1, 1.5, 1e300, 2 ** 63, -2 ** 63, True, "", "x", "\u0000", "\ud83d\ude00" * 200, "a" * 3_000, "=" * 8, [], [[]], [None], [1, "a"], {}, {"": None},
        {"a": {"b": []}}, [{}] * 3, "arn:aws:kinesis:eu-central-1:000000000000:stream/s", "arn:aws:kinesis:::stream/", "shardId-999999999999999999999", "0", "9" * 129]


def sample(shape, good, depth=0):
    if shape.type_name == "structure":
        return {name: good.get(name, sample(member, good, depth + 1)) for name, member in shape.members.items()} if depth < 4 else {}
    if shape.type_name == "list":
        return [sample(shape.member, good, depth + 1)]
    if shape.type_name == "map":
        return {"key": "value"}
    if shape.metadata.get("enum"):
        return shape.metadata["enum"][0]
    return {"string": "s", "blob": "aGk=", "boolean": False, "timestamp": 0}.get(shape.type_name, 1)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], path + (name,))
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from places(item, path + (i,))


def replaced(value, path, junk):
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], junk)
    return copy
