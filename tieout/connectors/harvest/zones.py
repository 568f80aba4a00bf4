"""Harvest's names of time zones, as IANA names.

Harvest shows the list that Ruby on Rails ships: mostly cities, some of them renamed.
Source: the zone list of Rails' ActiveSupport, which is public; names of today's tz data.
"""

from __future__ import annotations

# The city as IANA spells it, under its region.
_CITIES = {
    "Africa": "Cairo Casablanca Harare Monrovia Nairobi",
    "America": "Bogota Caracas Chihuahua La_Paz Lima Mazatlan Mexico_City Monterrey Montevideo "
    "Puerto_Rico Santiago Tijuana",
    "Asia": "Almaty Baghdad Baku Bangkok Dhaka Hong_Kong Irkutsk Jakarta Jerusalem Kabul Kamchatka "
    "Karachi Kathmandu Kolkata Krasnoyarsk Kuala_Lumpur Kuwait Magadan Muscat Novosibirsk Riyadh "
    "Seoul Shanghai Singapore Srednekolymsk Taipei Tashkent Tbilisi Tehran Tokyo Ulaanbaatar "
    "Urumqi Vladivostok Yakutsk Yerevan",
    "Atlantic": "Azores",
    "Australia": "Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    "Europe": "Amsterdam Athens Belgrade Berlin Bratislava Brussels Bucharest Budapest Copenhagen "
    "Dublin Helsinki Istanbul Kaliningrad Kyiv Lisbon Ljubljana London Madrid Minsk Moscow Paris "
    "Prague Riga Rome Samara Sarajevo Skopje Sofia Stockholm Tallinn Vienna Vilnius Volgograd "
    "Warsaw Zagreb Zurich",
    "Pacific": "Auckland Fiji Guam Port_Moresby",
}
_OTHERS = {
    "Abu Dhabi": "Asia/Muscat",
    "Alaska": "America/Juneau",
    "American Samoa": "Pacific/Pago_Pago",
    "Arizona": "America/Phoenix",
    "Astana": "Asia/Almaty",
    "Atlantic Time (Canada)": "America/Halifax",
    "Beijing": "Asia/Shanghai",
    "Bern": "Europe/Zurich",
    "Brasilia": "America/Sao_Paulo",
    "Buenos Aires": "America/Argentina/Buenos_Aires",
    "Canberra": "Australia/Sydney",
    "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Central America": "America/Guatemala",
    "Central Time (US & Canada)": "America/Chicago",
    "Chatham Is.": "Pacific/Chatham",
    "Chennai": "Asia/Kolkata",
    "Chongqing": "Asia/Shanghai",
    "Eastern Time (US & Canada)": "America/New_York",
    "Edinburgh": "Europe/London",
    "Ekaterinburg": "Asia/Yekaterinburg",
    "Georgetown": "America/Guyana",
    "Greenland": "America/Nuuk",
    "Guadalajara": "America/Mexico_City",
    "Hanoi": "Asia/Bangkok",
    "Hawaii": "Pacific/Honolulu",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "International Date Line West": "Etc/GMT+12",
    "Islamabad": "Asia/Karachi",
    "Marshall Is.": "Pacific/Majuro",
    "Mid-Atlantic": "Atlantic/South_Georgia",
    "Midway Island": "Pacific/Midway",
    "Mountain Time (US & Canada)": "America/Denver",
    "Mumbai": "Asia/Kolkata",
    "New Caledonia": "Pacific/Noumea",
    "New Delhi": "Asia/Kolkata",
    "Newfoundland": "America/St_Johns",
    "Nuku'alofa": "Pacific/Tongatapu",
    "Osaka": "Asia/Tokyo",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Pretoria": "Africa/Johannesburg",
    "Quito": "America/Lima",
    "Rangoon": "Asia/Yangon",
    "Samoa": "Pacific/Apia",
    "Sapporo": "Asia/Tokyo",
    "Saskatchewan": "America/Regina",
    "Solomon Is.": "Pacific/Guadalcanal",
    "Sri Jayawardenepura": "Asia/Colombo",
    "St. Petersburg": "Europe/Moscow",
    "Tokelau Is.": "Pacific/Fakaofo",
    "UTC": "Etc/UTC",
    "Wellington": "Pacific/Auckland",
    "West Central Africa": "Africa/Algiers",
}
IANA = _OTHERS | {
    city.replace("_", " "): f"{region}/{city}"
    for region, cities in _CITIES.items()
    for city in cities.split()
}


def iana(name: str) -> str:
    """The IANA name of a zone Harvest names; one that is already IANA stays; "" if unknown."""
    return name if "/" in name else IANA.get(name, "")
