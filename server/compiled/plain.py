"""Classes of values that stand for themselves: no errors, nothing to be awaited."""

from types import GeneratorType, NoneType

from graphql.pyutils import UndefinedType


class PlainClasses(dict[type, bool]):
    """Whether values of a class are what they seem; each class is judged once.

    Exceptions are values that the reference raises, awaitables are awaited there, Undefined is
    null there; what derives from the `others` is read in another way than it seems.
    """

    def __init__(self, others: tuple[type, ...] = ()) -> None:
        super().__init__()
        self._odd = (Exception, GeneratorType, NoneType, UndefinedType, *others)

    def __missing__(self, given: type) -> bool:
        answer = self[given] = not (issubclass(given, self._odd) or hasattr(given, "__await__"))
        return answer
