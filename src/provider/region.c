#include "provider/region.h"

#include "base/text.h"

/* By name. */
static const struct region regions[] = {
    {"australiacentral", "Australia Central", "cau", false},
    {"australiacentral2", "Australia Central 2", "cau2", false},
    {"australiaeast", "Australia East", "eau", false},
    {"australiasoutheast", "Australia Southeast", "sau", false},
    {"austriaeast", "Austria East", "ate", false},
    {"brazilsouth", "Brazil South", "sbr", false},
    {"brazilsoutheast", "Brazil Southeast", "sebr", false},
    {"canadacentral", "Canada Central", "cac", false},
    {"canadaeast", "Canada East", "cae", false},
    {"centralindia", "Central India", "cin", false},
    {"centralus", "Central US", "cus", false},
    {"centraluseuap", "Central US EUAP", "cuse", false},
    {"chilecentral", "Chile Central", "clc", false},
    {"eastasia", "East Asia", "easia", false},
    {"eastus", "East US", "eus", false},
    {"eastus2", "East US 2", "eus2", false},
    {"eastus2euap", "East US 2 EUAP", "eus2e", false},
    {"francecentral", "France Central", "frc", false},
    {"francesouth", "France South", "frs", false},
    {"germanynorth", "Germany North", "den", false},
    {"germanywestcentral", "Germany West Central", "dewc", false},
    {"israelcentral", "Israel Central", "ilc", false},
    {"italynorth", "Italy North", "itn", false},
    {"japaneast", "Japan East", "jpe", false},
    {"japanwest", "Japan West", "jpw", false},
    {"jioindiacentral", "Jio India Central", "jinc", false},
    {"jioindiawest", "Jio India West", "jinw", false},
    {"koreacentral", "Korea Central", "krc", false},
    {"koreasouth", "Korea South", "krs", false},
    {"malaysiasouth", "Malaysia South", "mys", false},
    {"mexicocentral", "Mexico Central", "mxc", false},
    {"newzealandnorth", "New Zealand North", "nzn", false},
    {"northcentralus", "North Central US", "ncus", false},
    {"northeurope", "North Europe", "neu", false},
    {"norwayeast", "Norway East", "noe", false},
    {"norwaywest", "Norway West", "now", false},
    {"polandcentral", "Poland Central", "plc", false},
    {"southafricanorth", "South Africa North", "san", false},
    {"southafricawest", "South Africa West", "saw", false},
    {"southcentralus", "South Central US", "scus", false},
    {"southeastasia", "Southeast Asia", "sasia", false},
    {"southindia", "South India", "sin", false},
    {"spaincentral", "Spain Central", "esc", false},
    {"swedencentral", "Sweden Central", "sec", false},
    {"swedensouth", "Sweden South", "ses", false},
    {"switzerlandnorth", "Switzerland North", "swn", false},
    {"switzerlandwest", "Switzerland West", "sww", false},
    {"taiwannorth", "Taiwan North", "twn", false},
    {"taiwannorthwest", "Taiwan Northwest", "twnw", false},
    {"uaecentral", "UAE Central", "uaec", false},
    {"uaenorth", "UAE North", "uaen", false},
    {"uksouth", "UK South", "uks", false},
    {"ukwest", "UK West", "ukw", false},
    {"westcentralus", "West Central US", "wcus", false},
    {"westeurope", "West Europe", "weu", false},
    {"westindia", "West India", "win", false},
    {"westus", "West US", "wus", false},
    {"westus2", "West US 2", "wus2", false},
    {"westus3", "West US 3", "wus3", false},
    {"usgovarizona", "USGov Arizona", "uga", true},
    {"usgovtexas", "USGov Texas", "uga", true},
    {"usgovvirginia", "USGov Virginia", "ugv", true},
};

size_t region_count(void)
{
    return ARRAY_LEN(regions);
}

const struct region *region_at(size_t index)
{
    return &regions[index];
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_name(struct span text, const char *name)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ' ') {
            continue;
        }
        if (*name == '\0' || lower(text.data[i]) != (uint8_t)*name) {
            return false;
        }
        name++;
    }
    return *name == '\0';
}

const struct region *region_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (is_name(name, regions[i].name)) {
            return &regions[i];
        }
    }
    return NULL;
}

const struct region *region_by_short(struct span short_name)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        if (text_span_equal_nocase(short_name, regions[i].short_name)) {
            return &regions[i];
        }
    }
    return NULL;
}

const char *region_shared_provider(struct arena *arena, const struct region *region)
{
    return arena_printf(arena, "shared%s", region->short_name);
}
