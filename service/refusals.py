"""Why something that was given can't be taken: a code and values for words, and English for logs.

The console has words for every code, in each of its languages: a test holds it to that.
"""

from enum import StrEnum

from pydantic_core import PydanticCustomError

Param = str | int | float
"""What words about a refusal need: numbers, what was given, or a code that has words itself."""


class Refusal(StrEnum):
    """A reason, as programs know it. None changes its meaning."""

    HOSTILE_TEXT = "hostile_text"

    GB_ID_DIGITS = "gb_id_digits"
    GB_ID_ROUNDED = "gb_id_rounded"
    GB_ID_NUMBER = "gb_id_number"
    GB_ID_LENGTH = "gb_id_length"
    GB_ID_PROVINCE = "gb_id_province"
    GB_ID_TYPE = "gb_id_type"
    GB_ID_OTHER_DEVICE = "gb_id_other_device"

    POSITION_NUMBERS = "position_numbers"
    POSITION_UNKNOWN = "position_unknown"
    POSITION_SWAPPED = "position_swapped"
    POSITION_OUTSIDE = "position_outside"
    POSITION_IN_SEA = "position_in_sea"

    ADDRESS_TEXT = "address_text"
    ADDRESS_LENGTH = "address_length"
    ADDRESS_BLANK = "address_blank"
    ADDRESS_UNREADABLE = "address_unreadable"
    ADDRESS_NUMBERS = "address_numbers"
    ADDRESS_SCHEME = "address_scheme"
    ADDRESS_FRAGMENT = "address_fragment"
    ADDRESS_USER = "address_user"
    ADDRESS_LOGIN = "address_login"
    ADDRESS_ENCODING = "address_encoding"

    ZONE_FEW_CORNERS = "zone_few_corners"
    ZONE_MANY_CORNERS = "zone_many_corners"
    ZONE_OFF_PICTURE = "zone_off_picture"
    ZONE_CROSSES = "zone_crosses"
    ZONE_SMALL = "zone_small"
    ZONE_NAME_RESERVED = "zone_name_reserved"
    ZONE_NAME_TWICE = "zone_name_twice"
    DIRECTION_ELSEWHERE = "direction_elsewhere"
    DIRECTION_SHORT = "direction_short"
    PERMITTED_ELSEWHERE = "permitted_elsewhere"
    SCALE_SHORT = "scale_short"
    SCALE_TURNED = "scale_turned"

    NEEDS_ROAD = "needs_road"
    NEEDS_DIRECTION = "needs_direction"
    NEEDS_LANE = "needs_lane"
    NEEDS_SCALE = "needs_scale"

    TIME_UNREADABLE = "time_unreadable"
    WINDOW_TURNED = "window_turned"
    WINDOW_PAST = "window_past"
    WINDOW_LONG = "window_long"
    WINDOW_FAR = "window_far"
    WINDOW_CHAINED = "window_chained"
    WINDOWS_MANY = "windows_many"

    VERDICT_REASON = "verdict_reason"
    VERDICT_REASON_OF_REAL = "verdict_reason_of_real"

    ACTION_NEEDS = "action_needs"
    ACTION_HAS_NO = "action_has_no"
    ACTION_REASON = "action_reason"
    ACTION_SINGLY = "action_singly"
    MERGE_ITSELF = "merge_itself"
    MERGE_HAZARDS = "merge_hazards"
    MERGE_DRILL = "merge_drill"
    MERGE_VEHICLES = "merge_vehicles"
    SPLIT_FOREIGN = "split_foreign"
    SPLIT_ALL = "split_all"
    SPLIT_DRILL = "split_drill"

    RETENTION_TWICE = "retention_twice"

    CLOCK_RULE_TWICE = "clock_rule_twice"
    SHIFT_NOBODY = "shift_nobody"
    SHIFT_TURNED = "shift_turned"

    PLACE_TYPE_REFUSED = "place_type_refused"
    PLACE_TYPE_UNKNOWN = "place_type_unknown"

    CONTACT_NUMBER = "contact_number"

    PLACE_CODE_DIGITS = "place_code_digits"
    PLACE_CODE_LENGTH = "place_code_length"
    PLACE_CODE_PADDED = "place_code_padded"
    PLACE_CODE_PROVINCE = "place_code_province"
    PLACE_CODE_IS_PROVINCE = "place_code_is_province"
    PLACE_CODE_GROUPS = "place_code_groups"
    PLACE_CODE_NO_CITY = "place_code_no_city"
    PLACE_CODE_LEVEL = "place_code_level"
    PLACE_CODE_PARENT = "place_code_parent"

    PLACE_ABOVE_BETWEEN = "place_above_between"
    PLACE_BELOW_BETWEEN = "place_below_between"
    PLACE_IN_USE = "place_in_use"
    PLACE_ROOT = "place_root"

    ROW_CELLS = "row_cells"
    ROW_LEVEL = "row_level"
    ROW_NAME_LENGTH = "row_name_length"
    ROW_TWICE = "row_twice"
    ROW_FOREIGN = "row_foreign"
    ROW_PARENT_UNKNOWN = "row_parent_unknown"
    ROW_PARENT_STAYS = "row_parent_stays"

    FILE_COLUMNS = "file_columns"
    FILE_COLUMN_TWICE = "file_column_twice"
    FILE_CSV = "file_csv"
    FILE_UTF16 = "file_utf16"
    FILE_WORKBOOK = "file_workbook"
    FILE_ENCODING = "file_encoding"
    FILE_SIZE = "file_size"
    FILE_ROWS = "file_rows"

    PASSWORD_SAME = "password_same"  # noqa: S105 - a code
    PASSWORD_LENGTH = "password_length"  # noqa: S105 - a code
    PASSWORD_VARIETY = "password_variety"  # noqa: S105 - a code
    PASSWORD_OFTEN = "password_often"  # noqa: S105 - a code

    GB_ID_TAKEN = "gb_id_taken"
    CREDENTIALS_REFUSED = "credentials_refused"

    SELECTION_ONE_WAY = "selection_one_way"
    BULK_EMPTY = "bulk_empty"
    PICTURE_PROPORTIONS = "picture_proportions"
    SUBSTREAM_NOT_FOUND = "substream_not_found"
    SUBSTREAM_ELSEWHERE = "substream_elsewhere"

    IMPORT_CHANGED_ALONE = "import_changed_alone"
    IMPORT_OLD = "import_old"
    IMPORT_MANY = "import_many"

    REQUIRED = "required"
    GB_ID_ABSENT = "gb_id_absent"
    GB_ID_TWICE = "gb_id_twice"
    CELL_FORMULA = "cell_formula"
    CELL_MERGED = "cell_merged"
    CELL_ERROR = "cell_error"
    CELL_LONG = "cell_long"
    CELL_CHOICE = "cell_choice"
    SIGN_UNCONFIRMED = "sign_unconfirmed"
    PLACE_UNKNOWN = "place_unknown"
    PLACE_AMBIGUOUS = "place_ambiguous"
    LOGIN_TAKEN_OUT = "login_taken_out"
    LOGIN_USER = "login_user"
    LOGINS_DIFFER = "logins_differ"
    LOGIN_NEEDED = "login_needed"
    ROW_CAMERA_GONE = "row_camera_gone"
    ROW_EDITED_MEANWHILE = "row_edited_meanwhile"
    FILE_EMPTY = "file_empty"
    FILE_NO_ROWS = "file_no_rows"
    FILE_TITLES = "file_titles"
    FILE_LARGE = "file_large"
    FILE_LONG = "file_long"
    FILE_WIDE = "file_wide"
    FILE_XLS = "file_xls"
    FILE_HTML = "file_html"
    FILE_ARCHIVE = "file_archive"
    FILE_ENCRYPTED = "file_encrypted"
    FILE_NO_WORKBOOK = "file_no_workbook"
    FILE_BROKEN = "file_broken"
    FILE_BOMB = "file_bomb"
    FILE_JSON = "file_json"


class RefusedError(ValueError):
    """Something that was given can't be taken. The text says what to do."""

    def __init__(self, code: Refusal, said: str, /, **params: Param) -> None:
        super().__init__(said)
        self.code = code
        self.params = params

    def for_pydantic(self) -> PydanticCustomError:
        """Return it as pydantic passes it on: our words, nothing before."""
        said = {"said": str(self), "params": self.params}
        return PydanticCustomError(self.code.value, "{said}", said)
